// SPDX-License-Identifier: BSD-2-Clause
#include <bit>
#include <cstring>

#include "base/random.h"

namespace pl {
namespace {

inline void quarter_round(uint32_t& a, uint32_t& b, uint32_t& c, uint32_t& d) {
  a += b; d = std::rotl(d ^ a, 16);
  c += d; b = std::rotl(b ^ c, 12);
  a += b; d = std::rotl(d ^ a, 8);
  c += d; b = std::rotl(b ^ c, 7);
}

}  // namespace

void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint8_t out[64]) {
  const uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0], key[1], key[2], key[3],
                              key[4], key[5], key[6], key[7], counter, nonce[0], nonce[1], nonce[2]};
  uint32_t x[16];
  for (int i = 0; i < 16; i++) x[i] = start[i];
  for (int round = 0; round < 10; round++) {
    quarter_round(x[0], x[4], x[8], x[12]);
    quarter_round(x[1], x[5], x[9], x[13]);
    quarter_round(x[2], x[6], x[10], x[14]);
    quarter_round(x[3], x[7], x[11], x[15]);
    quarter_round(x[0], x[5], x[10], x[15]);
    quarter_round(x[1], x[6], x[11], x[12]);
    quarter_round(x[2], x[7], x[8], x[13]);
    quarter_round(x[3], x[4], x[9], x[14]);
  }
  for (int i = 0; i < 16; i++) {
    uint32_t word = x[i] + start[i];
    for (int byte = 0; byte < 4; byte++) out[4 * i + byte] = static_cast<uint8_t>(word >> 8 * byte);
  }
}

}  // namespace pl
