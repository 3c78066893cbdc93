// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <string.h>

#include <algorithm>
#include <random>

#include "bare/sha384_here.h"
#include "core/chacha20.h"
#include "core/entropy.h"
#include "core/sha384.h"

using namespace pl;

Test(sha384, agrees_with_the_standards_example_of_two_blocks) {
  // FIPS 180-4's example "abcdefghbcdefghi...nopqrstu" has 112 bytes: fourteen words.
  alignas(8) const char text[] = "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
  const u8 expected[48] = {0x09, 0x33, 0x0c, 0x33, 0xf7, 0x11, 0x47, 0xe8, 0x3d, 0x19, 0x2f, 0xc7, 0x82, 0xcd, 0x1b, 0x47,
                           0x53, 0x11, 0x1b, 0x17, 0x3b, 0x3b, 0x05, 0xd2, 0x2f, 0xa0, 0x80, 0x86, 0xe3, 0xb0, 0xf7, 0x12,
                           0xfc, 0xc7, 0xc7, 0x1a, 0x55, 0x7e, 0x2d, 0xb9, 0x66, 0xc3, 0xe9, 0xfa, 0x91, 0x74, 0x60, 0x39};
  Sha384 hash;
  hash.start();
  hash.update(reinterpret_cast<const u64*>(text), 14);
  u8 digest[48];
  hash.finish(digest);
  cr_assert(memcmp(digest, expected, 48) == 0);
}

Test(sha384, of_nothing_is_the_known_value) {
  const u8 expected[8] = {0x38, 0xb0, 0x60, 0xa7, 0x51, 0xac, 0x96, 0x38};
  Sha384 hash;
  hash.start();
  u8 digest[48];
  hash.finish(digest);
  cr_assert(memcmp(digest, expected, 8) == 0);
}

Test(sha384, agrees_with_a_second_implementation_however_the_words_come) {
  std::mt19937_64 random(2);
  for (u64 length = 0; length < 70; ++length) {
    u64 words[70];
    for (u64& word : words) word = random();
    Sha384 hash;
    hash.start();
    for (u64 at = 0; at < length;) {
      const u64 part = std::min(length - at, 1 + random() % 20);
      hash.update(words + at, part);
      at += part;
    }
    u8 digest[48], expected[48];
    hash.finish(digest);
    sha384::Hash other;
    other.add(words, length * 8);
    other.finish(expected);
    cr_assert(memcmp(digest, expected, 48) == 0, "length %llu", static_cast<unsigned long long>(length));
  }
}

Test(chacha20, agrees_with_the_vector_of_rfc_8439) {
  ChaChaKey key;
  for (u32 i = 0; i < 8; ++i) key.word[i] = (4 * i) | (4 * i + 1) << 8 | (4 * i + 2) << 16 | (4 * i + 3) << 24;
  const u32 position[4] = {1, 0x09000000, 0x4a000000, 0};
  const u32 expected[16] = {0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3, 0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
                            0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9, 0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
  u32 out[16];
  chacha20_block(key, position, out);
  cr_assert(memcmp(out, expected, sizeof(out)) == 0);
}

Test(entropy, no_word_is_given_out_twice_and_none_stays_behind) {
  Entropy entropy;
  cr_assert(!entropy.is_seeded());
  entropy.mix("abc", 3);
  cr_assert(entropy.is_seeded());
  u64 seen[2000];
  entropy.take(seen, 2000);
  std::sort(seen, seen + 2000);
  for (int i = 1; i < 2000; ++i) cr_assert(seen[i] != seen[i - 1]);
  // Fast key erasure: nothing of what was given out is still in the generator.
  u64 last[3];
  entropy.take(last, 3);
  u64 image[sizeof(Entropy) / 8];
  memcpy(image, static_cast<void*>(&entropy), sizeof(image));
  for (const u64 word : image) cr_assert(word != last[0] && word != last[1] && word != last[2]);
}

Test(entropy, differs_by_each_thing_mixed_in_and_by_their_order) {
  u64 a, b, c;
  Entropy one, two, three;
  one.mix("ab", 2), one.mix("cd", 2), one.take(&a, 1);
  two.mix("cd", 2), two.mix("ab", 2), two.take(&b, 1);
  three.mix("abcd", 4), three.take(&c, 1);
  cr_assert(a != b && b != c && a != c);
}
