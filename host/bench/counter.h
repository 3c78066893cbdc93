// SPDX-License-Identifier: BSD-2-Clause
// Instructions that this hart has retired (unprivileged specification, 7.1, rdinstret): every world's, M-mode included.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace pl::bench {

inline uint64_t instructions() {
  uint64_t count;
  asm volatile("rdinstret %0" : "=r"(count)::"memory");
  return count;
}

// True where the counter counts instructions and is not a clock of the emulator's host.
inline bool counts_instructions() {
  // The least of some: an interrupt may come in the middle of one.
  auto loop = [](int rounds) {
    uint64_t least = UINT64_MAX;
    for (int turn = 0; turn < 5; ++turn) {
      uint64_t start = instructions();
      for (int i = 0; i < rounds; ++i) asm volatile("nop");
      least = std::min(least, instructions() - start);
    }
    return least;
  };
  const uint64_t a = loop(1000), b = loop(1000), c = loop(2000);
  return a == b && c > a && c < 3 * a;
}

template <class T>
T median(std::vector<T> values) {
  if (values.empty()) return {};
  std::ranges::nth_element(values, values.begin() + static_cast<long>(values.size() / 2));
  return values[values.size() / 2];
}

}  // namespace pl::bench
