// SPDX-License-Identifier: BSD-2-Clause
// The libOS's table of system calls as text.
#pragma once

#include <cstdint>
#include <string_view>

namespace pl {

struct TracedCall {
  std::string_view name;        // empty: not one that the libOS has
  std::string_view parameters;  // "int directory, UserAddress path, ..."
};

TracedCall traced_call(uint64_t number);

// One parameter of such a text: its type, and its name.
struct Parameter {
  std::string_view type, name;
};
// Takes the first off.
Parameter next_parameter(std::string_view& parameters);

}  // namespace pl
