// SPDX-License-Identifier: BSD-2-Clause
// SHA-384 (FIPS 180-4) over data that comes in whole 64-bit words, as everything that is measured does.
#pragma once

#include "core/types.h"

namespace pl {

class Sha384 {
 public:
  void start();
  void update(const u64* words, u64 count);
  void finish(u8 digest[PL_MEASUREMENT_SIZE]);

 private:
  u64 state_[8];
  u64 pending_[16];
  u64 words_;
};

namespace hash {
// The compression function is there twice; the boot chooses by the device tree.
using Compress = void (*)(u64 state[8], const u64* words, u64 blocks);
void compress(u64 state[8], const u64* words, u64 blocks);
extern "C" void compress_zbb(u64 state[8], const u64* words, u64 blocks);
extern Compress best;
}  // namespace hash

}  // namespace pl
