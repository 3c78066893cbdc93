// SPDX-License-Identifier: BSD-2-Clause
// One argument of a call as strace would print it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "strace/call.h"

namespace pl {

// `text`: what the enclave said a string or a buffer holds, in quotes.
std::string argument_text(std::string_view call, Parameter parameter, uint64_t value, const std::optional<std::string>& text);

// Parameters that strace leaves out when they mean nothing: the mode of an open that creates nothing.
bool is_meaningless(std::string_view call, Parameter parameter, const uint64_t values[6]);

// The value of a call: a number, an address, or -1 with the error's name.
std::string result_text(std::string_view call, uint64_t result);

}  // namespace pl
