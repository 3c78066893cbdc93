// SPDX-License-Identifier: BSD-2-Clause
// Signals: their names, and siginfo_t as strace prints it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pl {

std::string signal_name(uint64_t number);
std::string signal_information(std::string_view bytes);

}  // namespace pl
