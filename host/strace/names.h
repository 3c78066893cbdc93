// SPDX-License-Identifier: BSD-2-Clause
// Numbers that have names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pl {

struct Name {
  uint64_t value;
  std::string_view text;
};

std::string one_of(std::span<const Name> names, uint64_t value);
// With '|' between; `none` stands first, and alone when no bit is set. The rest as a number.
std::string flags_of(std::span<const Name> names, uint64_t value, std::string_view none);
std::string clone_flags(uint64_t value);

}  // namespace pl
