// SPDX-License-Identifier: BSD-2-Clause
// The compression functions that the libOS (root images) and the monitor (measurements) have in assembly for harts with Zbb, by the
// examples of FIPS 180-4: in one call for a whole message, and in a call for each block. They keep what the calling convention says.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

void sha256_blocks_zbb(uint32_t state[8], const void *data, size_t blocks);
void compress_zbb(uint64_t state[8], const uint64_t *words, uint64_t blocks);

enum { Million = 1000000 };
static _Alignas(8) unsigned char message[Million + 256];

// The message with what FIPS 180-4, 5.1 puts behind it; its blocks.
static size_t padded(const char *text, size_t length, size_t block) {
  size_t blocks = (length + 1 + block / 8 + block - 1) / block;
  memset(message, 0, blocks * block);
  if (text) memcpy(message, text, length);
  else memset(message, 'a', length);
  message[length] = 0x80;
  for (int i = 0; i < 8; ++i) message[blocks * block - 1 - i] = (unsigned char)((uint64_t)length * 8 >> 8 * i);
  return blocks;
}

static void sha256(const char *text, size_t length, const char *expected) {
  size_t blocks = padded(text, length, 64);
  for (size_t step = blocks;; step = 1) {
    uint32_t state[9] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19, 0x12345678};
    for (size_t at = 0; at < blocks; at += step) sha256_blocks_zbb(state, message + at * 64, step);
    char digest[65];
    for (int i = 0; i < 8; ++i) sprintf(digest + 8 * i, "%08x", state[i]);
    CHECK(!strcmp(digest, expected) && state[8] == 0x12345678);
    if (step == 1) return;
  }
}

static void sha384(const char *text, size_t length, const char *expected) {
  size_t blocks = padded(text, length, 128);
  for (size_t step = blocks;; step = 1) {
    uint64_t state[9] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939, 0x67332667ffc00b31,
                         0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4, 0x12345678};
    for (size_t at = 0; at < blocks; at += step) compress_zbb(state, (const uint64_t *)(message + at * 128), step);
    char digest[97];
    for (int i = 0; i < 6; ++i) sprintf(digest + 16 * i, "%016llx", (unsigned long long)state[i]);
    CHECK(!strcmp(digest, expected) && state[8] == 0x12345678);
    if (step == 1) return;
  }
}

int main(void) {
  uint64_t gp_before, gp_after;
  __asm__ volatile("mv %0, gp" : "=r"(gp_before));
  const char *two256 = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  sha256("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sha256(two256, 56, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  sha256(NULL, Million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  const char *two384 =
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu";
  sha384("abc", 3, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
  sha384(two384, 112, "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712fcc7c71a557e2db966c3e9fa91746039");
  sha384(NULL, Million, "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985");
  uint32_t untouched[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  sha256_blocks_zbb(untouched, message, 0);
  CHECK(untouched[0] == 1 && untouched[7] == 8);
  __asm__ volatile("mv %0, gp" : "=r"(gp_after));
  CHECK(gp_before == gp_after);
  printf("%d failures\n", failures);
  return failures != 0;
}
