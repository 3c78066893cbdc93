// SPDX-License-Identifier: BSD-2-Clause
// Structures that arguments point to, as strace would print them. Layouts are riscv64's (uapi), whatever machine this runs on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "strace/call.h"

namespace pl {

// What the enclave copied out of the program's memory for one argument: before the call, and after it.
struct Structure { std::string read, filled; };

// Nothing: the argument is shown by address.
std::optional<std::string> structure_text(std::string_view call, Parameter parameter, const Structure& structure, const uint64_t values[6]);
// What strace says behind the value of a call that waited: "([{fd=3, revents=POLLIN}])", "(Timeout)".
std::string outcome_text(std::string_view call, const Structure& first, uint64_t result);

std::string signal_name(uint64_t number);

}  // namespace pl
