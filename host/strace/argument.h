// SPDX-License-Identifier: BSD-2-Clause
// One argument of a call as strace would print it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "strace/call.h"

namespace pl {

// `text`: what the enclave said a string or a buffer holds, in quotes.
std::string argument_text(std::string_view call, Parameter parameter, uint64_t value, const std::optional<std::string>& text);

// Which parameters strace prints of a call with these values, in its order; what it puts before one; and what it takes it for.
struct Place {
  unsigned index;
  std::string_view label;
  Parameter parameter;
};
std::vector<Place> places_of(const TracedCall& call, const uint64_t values[6]);

// The value of a call: a number, an address, or -1 with the error's name.
std::string result_text(std::string_view call, uint64_t result);

}  // namespace pl
