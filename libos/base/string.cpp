// SPDX-License-Identifier: BSD-2-Clause
// What the compiler may call, and what it makes of <cstring>'s functions where it does not put them in place. Never a misaligned access:
// that would trap to the libOS itself. Compiled without the compiler's knowledge of them, which would turn their loops into calls of them.
#include <cstddef>
#include <cstdint>

#include "arch/page_copy.h"

using pl::copy_words;
using pl::fill_words;

namespace {

// A source that is not aligned with its destination: whole aligned words are read and put together. Bytes of the first and the last
// word that are outside the source are read, but no page is that the source does not reach.
void copy_shifted(uint8_t*& d, const uint8_t*& s, size_t& n) {
  while (reinterpret_cast<uintptr_t>(d) & 7) *d++ = *s++, n--;
  unsigned shift = (reinterpret_cast<uintptr_t>(s) & 7) * 8;
  auto* from = reinterpret_cast<const uint64_t*>(reinterpret_cast<uintptr_t>(s) & ~uintptr_t(7));
  uint64_t low = *from;
  for (; n >= 8; d += 8, s += 8, n -= 8) {
    uint64_t high = *++from;
    *reinterpret_cast<uint64_t*>(d) = low >> shift | high << (64 - shift);
    low = high;
  }
}

}  // namespace

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, size_t n) {
  auto* d = static_cast<uint8_t*>(to);
  auto* s = static_cast<const uint8_t*>(from);
  if (n >= 8 && ((reinterpret_cast<uintptr_t>(d) ^ reinterpret_cast<uintptr_t>(s)) & 7) == 0) {
    while (reinterpret_cast<uintptr_t>(d) & 7) *d++ = *s++, n--;
    if (size_t bulk = n & ~size_t(63)) {
      copy_words(d, s, bulk);
      d += bulk, s += bulk, n -= bulk;
    }
    for (; n >= 16; d += 16, s += 16, n -= 16) {
      const uint64_t low = reinterpret_cast<const uint64_t*>(s)[0], high = reinterpret_cast<const uint64_t*>(s)[1];
      reinterpret_cast<uint64_t*>(d)[0] = low, reinterpret_cast<uint64_t*>(d)[1] = high;
    }
    if (n >= 8) *reinterpret_cast<uint64_t*>(d) = *reinterpret_cast<const uint64_t*>(s), d += 8, s += 8, n -= 8;
  } else if (n >= 24) {
    copy_shifted(d, s, n);
  }
  while (n--) *d++ = *s++;
  return to;
}

void* memmove(void* to, const void* from, size_t n) {
  auto* d = static_cast<uint8_t*>(to);
  auto* s = static_cast<const uint8_t*>(from);
  // Forwards is right for a destination below the source: memcpy stores nothing that it has not read yet, and reads at most a word ahead,
  // which it keeps.
  if (d <= s || d >= s + n) return memcpy(to, from, n);
  if (((reinterpret_cast<uintptr_t>(d) ^ reinterpret_cast<uintptr_t>(s)) & 7) == 0) {
    while (n && (reinterpret_cast<uintptr_t>(d + n) & 7)) n--, d[n] = s[n];
    for (; n >= 8; n -= 8) *reinterpret_cast<uint64_t*>(d + n - 8) = *reinterpret_cast<const uint64_t*>(s + n - 8);
  }
  while (n) n--, d[n] = s[n];
  return to;
}

void* memset(void* to, int value, size_t n) {
  auto* d = static_cast<uint8_t*>(to);
  auto byte = static_cast<uint8_t>(value);
  if (n >= 8) {
    uint64_t pattern = byte * 0x0101010101010101u;
    while (reinterpret_cast<uintptr_t>(d) & 7) *d++ = byte, n--;
    if (size_t bulk = n & ~size_t(63)) {
      fill_words(d, bulk, pattern);
      d += bulk, n -= bulk;
    }
    for (; n >= 8; d += 8, n -= 8) *reinterpret_cast<uint64_t*>(d) = pattern;
  }
  while (n--) *d++ = byte;
  return to;
}

int memcmp(const void* a, const void* b, size_t n) {
  auto* x = static_cast<const uint8_t*>(a);
  auto* y = static_cast<const uint8_t*>(b);
  if (((reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y)) & 7) == 0)
    while (n >= 8 && *reinterpret_cast<const uint64_t*>(x) == *reinterpret_cast<const uint64_t*>(y)) x += 8, y += 8, n -= 8;
  for (; n--; x++, y++)
    if (*x != *y) return *x - *y;
  return 0;
}

// Asked for only whether they are equal.
int bcmp(const void* a, const void* b, size_t n) __attribute__((alias("memcmp")));

size_t strlen(const char* text) {
  size_t n = 0;
  while (text[n]) n++;
  return n;
}

size_t strnlen(const char* text, size_t most) {
  size_t n = 0;
  while (n < most && text[n]) n++;
  return n;
}

int strcmp(const char* a, const char* b) {
  while (*a && *a == *b) a++, b++;
  return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
}

void* memchr(const void* from, int value, size_t n) {
  auto* s = static_cast<const uint8_t*>(from);
  for (; n--; s++)
    if (*s == static_cast<uint8_t>(value)) return const_cast<uint8_t*>(s);
  return nullptr;
}

}  // extern "C"
