// SPDX-License-Identifier: BSD-2-Clause
#include "core/sha384.h"

namespace pl {

constinit hash::Compress hash::best = hash::compress;

void Sha384::start() {
  static constexpr u64 kInitial[8] = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
                                      0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};
  for (int i = 0; i < 8; ++i) state_[i] = kInitial[i];
  words_ = 0;
}

void Sha384::update(const u64* words, u64 count) {
  u64 fill = words_ & 15;
  words_ += count;
  if (fill != 0) {
    while (fill < 16 && count != 0) {
      pending_[fill++] = *words++;
      --count;
    }
    if (fill < 16) return;
    hash::best(state_, pending_, 1);
  }
  hash::best(state_, words, count / 16);
  words += count & ~u64{15};
  for (u64 i = 0; i < (count & 15); ++i) pending_[i] = words[i];
}

void Sha384::finish(u8 digest[PL_MEASUREMENT_SIZE]) {
  const u64 bits = words_ * 64;
  u64 fill = words_ & 15;
  pending_[fill++] = 0x80;  // words are little endian in memory: the first byte behind the message
  if (fill > 14) {
    while (fill < 16) pending_[fill++] = 0;
    hash::best(state_, pending_, 1);
    fill = 0;
  }
  while (fill < 15) pending_[fill++] = 0;
  pending_[15] = __builtin_bswap64(bits);
  hash::best(state_, pending_, 1);
  for (int i = 0; i < 6; ++i) {
    for (int byte = 0; byte < 8; ++byte) digest[8 * i + byte] = static_cast<u8>(state_[i] >> (56 - 8 * byte));
  }
}

}  // namespace pl
