// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <cstring>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"

using namespace pl;

namespace {

// Counts how many there are.
struct Counted {
  static inline int alive = 0;
  int value;
  explicit Counted(int v) : value(v) { ++alive; }
  Counted(const Counted& o) : value(o.value) { ++alive; }
  Counted(Counted&& o) : value(o.value) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

ErrorOr<Counted> counted(int value) {
  if (value < 0) return fail(Errno::Invalid);
  return Counted(value);
}

ErrorOr<int> doubled(int value) { return TRY(counted(value)).value * 2; }

}  // namespace

Test(error, a_value_or_an_error_is_handed_up) {
  cr_assert_eq(*doubled(4), 8);
  cr_assert_eq(doubled(-1).error(), Errno::Invalid);
  cr_assert_eq(Counted::alive, 0);
}

Test(error, whatever_is_assigned_to_what_a_value_is_destroyed_once) {
  for (int from : {-1, 1})
    for (int to : {-1, 2}) {
      ErrorOr<Counted> a = counted(from);
      const ErrorOr<Counted> b = counted(to);
      a = ErrorOr<Counted>(b);
      cr_assert_eq(bool(a), to > 0);
      a = counted(from);
      cr_assert_eq(bool(a), from > 0);
      if (a) cr_assert_eq(a->value, from);
      ErrorOr<Counted>& same = a;
      a = std::move(same);
      cr_assert_eq(Counted::alive, (from > 0) + (to > 0));
      ErrorOr<Counted> c = std::move(a);
      cr_assert_eq(bool(c), from > 0);
    }
  cr_assert_eq(Counted::alive, 0);
}

Test(error, a_value_turns_into_one_of_a_wider_type) {
  auto wide = [](ErrorOr<int> narrow) -> ErrorOr<long> { return narrow; };
  cr_assert_eq(*wide(7), 7L);
  cr_assert_eq(wide(fail(Errno::Io)).error(), Errno::Io);
}

// RFC 8439, 2.3.2.
Test(random, chacha20_gives_the_block_of_the_rfc) {
  uint32_t key[8];
  for (uint32_t i = 0; i < 8; i++) key[i] = 0x03020100 + i * 0x04040404;
  const uint32_t nonce[3] = {0x09000000, 0x4a000000, 0};
  uint8_t block[64];
  chacha20_block(key, 1, nonce, block);
  const uint8_t expected[64] = {
      0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3, 0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0,
      0x68, 0x03, 0x04, 0x22, 0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa, 0x09, 0x14, 0xc2, 0xd7, 0x05,
      0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1, 0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e};
  cr_assert_eq(std::memcmp(block, expected, 64), 0);
}

// RFC 8439, appendix A.1, vector 1: all zero.
Test(random, chacha20_of_a_zero_key_is_the_known_block) {
  const uint32_t key[8] = {}, nonce[3] = {};
  uint8_t block[64];
  chacha20_block(key, 0, nonce, block);
  const uint8_t start[8] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90};
  cr_assert_eq(std::memcmp(block, start, 8), 0);
}

// What a freeze leaves of the generator tells nothing of what it was seeded with: whatever that was, the same is left.
Test(random, an_erased_generator_holds_nothing) {
  uint8_t entropy[64] = {1, 2, 3}, other[64] = {9}, drawn[40], a[100], b[100];
  random::seed(entropy);
  random::fill(drawn, sizeof drawn);
  random::erase();
  random::fill(a, sizeof a);
  random::seed(other);
  random::erase();
  random::fill(b, sizeof b);
  cr_assert_eq(std::memcmp(a, b, sizeof a), 0);
}

Test(random, the_same_entropy_gives_the_same_stream_and_other_entropy_another) {
  uint8_t entropy[64] = {1, 2, 3}, a[200], b[200], c[200];
  random::seed(entropy);
  random::fill(a, sizeof a);
  random::seed(entropy);
  for (size_t i = 0; i < 200; i += 10) random::fill(b + i, 10);
  cr_assert_eq(std::memcmp(a, b, sizeof a), 0);
  entropy[0] = 9;
  random::seed(entropy);
  random::fill(c, sizeof c);
  cr_assert_neq(std::memcmp(a + 100, c + 100, 32), 0);
}

Test(random, no_output_repeats) {
  uint8_t entropy[64];
  for (int i = 0; i < 64; i++) entropy[i] = uint8_t(i * 37);
  random::seed(entropy);
  uint64_t seen[1000];
  for (auto& word : seen) word = random::word();
  for (int i = 0; i < 1000; i++)
    for (int j = 0; j < i; j++) cr_assert_neq(seen[i], seen[j]);
}

Test(format, prints_what_printf_prints) {
  char ours[100], theirs[100];
#define SAME(...)                                                                    \
  cr_assert_eq(format(ours, sizeof ours, __VA_ARGS__), size_t(snprintf(theirs, sizeof theirs, __VA_ARGS__))); \
  cr_assert_str_eq(ours, theirs)
  SAME("%d %u %x", -5, 7u, 0xabcu);
  SAME("%5d|%-5d|%05d", 42, 42, 42);
  SAME("%05d", -42);
  SAME("%ld %lu %lx %zu", -1L, ~0ul, 0x123456789abcul, size_t(9));
  SAME("%s|%.3s|%10s|%-10s|", "abc", "abcdef", "right", "left");
  SAME("%.*s %c %%", 2, "xyz", 'q');
  SAME("%d", INT32_MIN);
  SAME("%08lx-%08lx %s %08lx %02x:%02x %lu", 0x1000ul, 0x2000ul, "r--p", 0ul, 0u, 3u, 77ul);
}

Test(format, cuts_and_tells_the_length) {
  char small[5];
  cr_assert_eq(format(small, sizeof small, "abcdefgh"), 8u);
  cr_assert_str_eq(small, "abcd");
}
