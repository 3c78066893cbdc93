// SPDX-License-Identifier: BSD-2-Clause
#include "process/environment.h"

#include <cstddef>

namespace pl {

namespace {

constexpr size_t MaxPatterns = 64;
std::string_view patterns[MaxPatterns];
size_t pattern_count;
bool restricted;  // there was a pattern, even one too many

// What ld.so(8) and glibc's tunables listen to.
bool belongs_to_loader(std::string_view name) {
  using namespace std::literals;
  return name.starts_with("LD_"sv) || name == "GLIBC_TUNABLES"sv;
}

}  // namespace

void allow_environment(std::string_view pattern) {
  restricted = true;
  if (pattern_count < MaxPatterns) patterns[pattern_count++] = pattern;
}

bool environment_allowed(std::string_view name) {
  if (name.empty()) return false;
  if (!restricted) return !belongs_to_loader(name);
  for (size_t i = 0; i < pattern_count; ++i) {
    std::string_view pattern = patterns[i];
    if (pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern) return true;
  }
  return false;
}

}  // namespace pl
