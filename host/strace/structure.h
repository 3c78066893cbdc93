// SPDX-License-Identifier: BSD-2-Clause
// Structures that arguments point to, as strace would print them. Layouts are riscv64's (uapi), whatever machine this runs on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "strace/call.h"
#include "strace/memory.h"

namespace pl {

// What the enclave copied out of the program's memory for one argument: before the call, and after it.
struct Structure {
  std::string read, filled;
  std::optional<uint64_t> count;  // of entries, where these are not told
};

// A call as far as it is known.
struct TracedValues {
  std::array<uint64_t, 6> values{};
  std::array<Structure, 6> structures;
  Memory memory;                    // what pointers within the structures point to
  std::optional<uint64_t> result;   // none: it is not over

  bool succeeded() const { return result && static_cast<int64_t>(*result) >= 0; }
};

// Nothing: the argument is shown by address.
std::optional<std::string> structure_text(std::string_view call, Parameter parameter, unsigned index, const TracedValues& traced);
// What strace says behind the value of a call that waited: "([{fd=3, revents=POLLIN}])", "(in [3])", "(Timeout)".
std::string outcome_text(std::string_view call, const TracedValues& traced);
// A call fills this parameter: nothing is to be seen there before it is over.
bool is_filled(std::string_view call, Parameter parameter);

// A socket's; none: it is not one that is known.
std::optional<std::string> address_text(std::string_view bytes);

}  // namespace pl
