// SPDX-License-Identifier: BSD-2-Clause
#include "core/chacha20.h"

namespace pl {

namespace {

constexpr u32 rotate(u32 x, int n) { return x << n | x >> (32 - n); }

inline void quarter(u32& a, u32& b, u32& c, u32& d) {
  a += b, d = rotate(d ^ a, 16);
  c += d, b = rotate(b ^ c, 12);
  a += b, d = rotate(d ^ a, 8);
  c += d, b = rotate(b ^ c, 7);
}

}  // namespace

#ifdef PL_ZBB
void chacha20_block_zbb(const ChaChaKey& key, const u32 counter_and_nonce[4], u32 out[16]) {
#else
void chacha20_block(const ChaChaKey& key, const u32 counter_and_nonce[4], u32 out[16]) {
#endif
  u32 initial[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (int i = 0; i < 8; ++i) initial[4 + i] = key.word[i];
  for (int i = 0; i < 4; ++i) initial[12 + i] = counter_and_nonce[i];
  u32 x[16];
  for (int i = 0; i < 16; ++i) x[i] = initial[i];
  for (int i = 0; i < 10; ++i) {
    quarter(x[0], x[4], x[8], x[12]);
    quarter(x[1], x[5], x[9], x[13]);
    quarter(x[2], x[6], x[10], x[14]);
    quarter(x[3], x[7], x[11], x[15]);
    quarter(x[0], x[5], x[10], x[15]);
    quarter(x[1], x[6], x[11], x[12]);
    quarter(x[2], x[7], x[8], x[13]);
    quarter(x[3], x[4], x[9], x[14]);
  }
  for (int i = 0; i < 16; ++i) out[i] = x[i] + initial[i];
}

}  // namespace pl
