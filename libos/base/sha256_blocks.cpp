// SPDX-License-Identifier: BSD-2-Clause
// The compression function of SHA-256, for every machine: sha256_blocks_zbb.S is faster where it runs.
#include <cstring>
#include <memory>

#include "base/sha256.h"

namespace pl {

namespace {

constexpr uint32_t Constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr uint32_t rotate(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

// One round, the working variables renamed by the caller instead of moved. w: the sixteen latest words of the schedule. `ab` holds a ^ b
// and becomes b ^ c of the next round's majority.
template <bool Extend>
[[gnu::always_inline]] inline void round(uint32_t a, uint32_t b, uint32_t& d, uint32_t e, uint32_t f, uint32_t g, uint32_t& h, uint32_t w[16], unsigned i,
                  uint32_t constant, uint32_t& bc) {
  if constexpr (Extend) {
    const uint32_t x = w[(i + 1) & 15], y = w[(i + 14) & 15];
    w[i] += (rotate(x, 7) ^ rotate(x, 18) ^ x >> 3) + w[(i + 9) & 15] + (rotate(y, 17) ^ rotate(y, 19) ^ y >> 10);
  }
  h += (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + constant + w[i];
  d += h;
  const uint32_t ab = a ^ b;
  h += (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + (b ^ (ab & bc));
  bc = ab;
}

template <bool Extend>
[[gnu::always_inline]] inline void sixteen(uint32_t s[8], uint32_t w[16], const uint32_t* k, uint32_t& bc) {
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 16; i += 8) {
    round<Extend>(s[0], s[1], s[3], s[4], s[5], s[6], s[7], w, i + 0, k[i + 0], bc);
    round<Extend>(s[7], s[0], s[2], s[3], s[4], s[5], s[6], w, i + 1, k[i + 1], bc);
    round<Extend>(s[6], s[7], s[1], s[2], s[3], s[4], s[5], w, i + 2, k[i + 2], bc);
    round<Extend>(s[5], s[6], s[0], s[1], s[2], s[3], s[4], w, i + 3, k[i + 3], bc);
    round<Extend>(s[4], s[5], s[7], s[0], s[1], s[2], s[3], w, i + 4, k[i + 4], bc);
    round<Extend>(s[3], s[4], s[6], s[7], s[0], s[1], s[2], w, i + 5, k[i + 5], bc);
    round<Extend>(s[2], s[3], s[5], s[6], s[7], s[0], s[1], w, i + 6, k[i + 6], bc);
    round<Extend>(s[1], s[2], s[4], s[5], s[6], s[7], s[0], w, i + 7, k[i + 7], bc);
  }
}

}  // namespace

void sha256_blocks(uint32_t state[8], const std::byte* data, size_t blocks) {
  uint32_t s[8];
  for (int i = 0; i < 8; ++i) s[i] = state[i];
  for (; blocks != 0; --blocks, data += 64) {
    uint32_t w[16];
    std::memcpy(w, std::assume_aligned<8>(data), sizeof w);
    for (uint32_t& word : w) word = __builtin_bswap32(word);
    uint32_t before[8];
    for (int i = 0; i < 8; ++i) before[i] = s[i];
    uint32_t bc = s[1] ^ s[2];
    sixteen<false>(s, w, Constants, bc);
    for (int i = 16; i < 64; i += 16) sixteen<true>(s, w, Constants + i, bc);
    for (int i = 0; i < 8; ++i) s[i] += before[i];
  }
  for (int i = 0; i < 8; ++i) state[i] = s[i];
}

}  // namespace pl
