// SPDX-License-Identifier: BSD-2-Clause
// The compression function of SHA-384, for every hart: sha384_block_zbb.S is faster where it runs.
#include "core/sha384.h"

namespace pl::hash {

namespace {

constexpr u64 kRound[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

constexpr u64 rotate(u64 x, int n) { return x >> n | x << (64 - n); }

// Eight rounds with the working variables renamed instead of moved. w: the sixteen latest words of the schedule.
template <bool extend>
inline void round(u64 a, u64 b, u64 c, u64& d, u64 e, u64 f, u64 g, u64& h, u64 w[16], int i, u64 k) {
  if constexpr (extend) {
    const u64 x = w[(i + 1) & 15];
    const u64 y = w[(i + 14) & 15];
    w[i] += (rotate(x, 1) ^ rotate(x, 8) ^ x >> 7) + w[(i + 9) & 15] + (rotate(y, 19) ^ rotate(y, 61) ^ y >> 6);
  }
  h += (rotate(e, 14) ^ rotate(e, 18) ^ rotate(e, 41)) + (g ^ (e & (f ^ g))) + k + w[i];
  d += h;
  h += (rotate(a, 28) ^ rotate(a, 34) ^ rotate(a, 39)) + ((a & b) | (c & (a | b)));
}

template <bool extend>
inline void sixteen(u64 s[8], u64 w[16], const u64* k) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 16; i += 8) {
    round<extend>(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], w, i + 0, k[i + 0]);
    round<extend>(s[7], s[0], s[1], s[2], s[3], s[4], s[5], s[6], w, i + 1, k[i + 1]);
    round<extend>(s[6], s[7], s[0], s[1], s[2], s[3], s[4], s[5], w, i + 2, k[i + 2]);
    round<extend>(s[5], s[6], s[7], s[0], s[1], s[2], s[3], s[4], w, i + 3, k[i + 3]);
    round<extend>(s[4], s[5], s[6], s[7], s[0], s[1], s[2], s[3], w, i + 4, k[i + 4]);
    round<extend>(s[3], s[4], s[5], s[6], s[7], s[0], s[1], s[2], w, i + 5, k[i + 5]);
    round<extend>(s[2], s[3], s[4], s[5], s[6], s[7], s[0], s[1], w, i + 6, k[i + 6]);
    round<extend>(s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[0], w, i + 7, k[i + 7]);
  }
}

}  // namespace

void compress(u64 state[8], const u64* words, u64 blocks) {
  u64 s[8];
  for (int i = 0; i < 8; ++i) s[i] = state[i];
  for (; blocks != 0; --blocks, words += 16) {
    u64 w[16];
    for (int i = 0; i < 16; ++i) w[i] = __builtin_bswap64(words[i]);
    u64 before[8];
    for (int i = 0; i < 8; ++i) before[i] = s[i];
    sixteen<false>(s, w, kRound);
    for (int i = 16; i < 80; i += 16) sixteen<true>(s, w, kRound + i);
    for (int i = 0; i < 8; ++i) s[i] += before[i];
  }
  for (int i = 0; i < 8; ++i) state[i] = s[i];
}

}  // namespace pl::hash
