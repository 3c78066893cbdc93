// SPDX-License-Identifier: BSD-2-Clause
// What there is to say of a program of a debug enclave that is about to end by a fault: where it was, and how it came there.
#pragma once

#include <functional>
#include <string_view>

#include "debug/debuggee.h"

namespace pl {

void print_account(Debuggee& debuggee, const pl_debug_stop& stop, const std::function<void(std::string_view line)>& print);

}  // namespace pl
