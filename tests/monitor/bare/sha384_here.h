// SPDX-License-Identifier: BSD-2-Clause
// A second, slow SHA-384, written from the standard alone (FIPS 180-4): the constants are computed from the primes.
#pragma once

#include <stdint.h>

namespace sha384 {

// The first 64 bits of the fractional part of a root of n, by bisection over 128-bit fixed point.
inline uint64_t root(uint64_t n, int power) {
  using Wide = unsigned __int128;
  uint64_t whole = 1;
  while ((power == 2 ? (whole + 1) * (whole + 1) : (whole + 1) * (whole + 1) * (whole + 1)) <= n) ++whole;
  uint64_t fraction = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const uint64_t tried = fraction | uint64_t{1} << bit;
    // x = whole + tried / 2^64 as four 32-bit limbs below 2^70; x^power compared with n, exactly.
    uint32_t x[3] = {static_cast<uint32_t>(tried), static_cast<uint32_t>(tried >> 32), static_cast<uint32_t>(whole)};
    uint32_t product[12] = {1};
    int limbs = 1;
    for (int p = 0; p < power; ++p) {
      uint32_t next[12] = {};
      for (int i = 0; i < limbs; ++i) {
        uint64_t carry = 0;
        for (int j = 0; j < 3; ++j) {
          const Wide sum = static_cast<Wide>(product[i]) * x[j] + next[i + j] + carry;
          next[i + j] = static_cast<uint32_t>(sum);
          carry = static_cast<uint64_t>(sum >> 32);
        }
        next[i + 3] += static_cast<uint32_t>(carry);
      }
      limbs += 3;
      for (int i = 0; i < 12; ++i) product[i] = next[i];
    }
    // The integer part begins at limb 2 * power.
    const uint64_t integer = product[2 * power] | static_cast<uint64_t>(product[2 * power + 1]) << 32;
    if (integer < n) fraction = tried;
  }
  return fraction;
}

class Hash {
 public:
  Hash() {
    int found = 0;
    for (uint64_t n = 2; found < 80; ++n) {
      bool prime = true;
      for (uint64_t d = 2; d * d <= n; ++d) prime &= n % d != 0;
      if (!prime) continue;
      k_[found] = root(n, 3);
      if (found >= 8 && found < 16) h_[found - 8] = root(n, 2);
      ++found;
    }
  }
  void add(const void* bytes, uint64_t size) {
    const uint8_t* p = static_cast<const uint8_t*>(bytes);
    for (uint64_t i = 0; i < size; ++i) {
      block_[length_++ % 128] = p[i];
      if (length_ % 128 == 0) compress();
    }
  }
  void finish(uint8_t out[48]) {
    const uint64_t bits = length_ * 8;
    const uint8_t one = 0x80, zero = 0;
    add(&one, 1);
    while (length_ % 128 != 112) add(&zero, 1);
    for (int i = 0; i < 8; ++i) add(&zero, 1);
    for (int i = 7; i >= 0; --i) {
      const uint8_t byte = static_cast<uint8_t>(bits >> (8 * i));
      add(&byte, 1);
    }
    for (int i = 0; i < 48; ++i) out[i] = static_cast<uint8_t>(h_[i / 8] >> (56 - i % 8 * 8));
  }

 private:
  static uint64_t right(uint64_t x, int n) { return x >> n | x << (64 - n); }
  void compress() {
    uint64_t w[80], v[8];
    for (int i = 0; i < 16; ++i) {
      w[i] = 0;
      for (int j = 0; j < 8; ++j) w[i] = w[i] << 8 | block_[8 * i + j];
    }
    for (int i = 16; i < 80; ++i) {
      w[i] = w[i - 16] + (right(w[i - 15], 1) ^ right(w[i - 15], 8) ^ w[i - 15] >> 7) + w[i - 7] +
             (right(w[i - 2], 19) ^ right(w[i - 2], 61) ^ w[i - 2] >> 6);
    }
    for (int i = 0; i < 8; ++i) v[i] = h_[i];
    for (int i = 0; i < 80; ++i) {
      const uint64_t t1 = v[7] + (right(v[4], 14) ^ right(v[4], 18) ^ right(v[4], 41)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k_[i] + w[i];
      const uint64_t t2 = (right(v[0], 28) ^ right(v[0], 34) ^ right(v[0], 39)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
      for (int j = 7; j > 0; --j) v[j] = v[j - 1];
      v[4] += t1;
      v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; ++i) h_[i] += v[i];
  }

  uint64_t k_[80], h_[8], length_ = 0;
  uint8_t block_[128];
};

}  // namespace sha384
