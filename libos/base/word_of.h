// SPDX-License-Identifier: BSD-2-Clause
// Strings by words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pl {

// The `n` bytes at `text`, at most eight, as the low ones of a word; the others are zero. Never a misaligned access, which would trap:
// aligned words are read that hold them, and with them bytes around, but no page that they do not reach.
inline uint64_t word_of(const char* text, size_t n) {
#ifdef PL_HOSTED
  uint64_t word = 0;
  std::memcpy(&word, text, n);
  return word;
#else
  if (n == 0) return 0;
  auto at = reinterpret_cast<uintptr_t>(text);
  auto* words = reinterpret_cast<const uint64_t*>(at & ~uintptr_t(7));
  const uint64_t before = at % 8 * 8, beyond = 64 - n * 8;
  uint64_t word = words[0] >> before;
  if (before > beyond) word |= words[1] << (64 - before);
  return word << beyond >> beyond;
#endif
}

}  // namespace pl
