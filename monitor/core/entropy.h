// SPDX-License-Identifier: BSD-2-Clause
// Random bytes for enclaves: ChaCha20 with fast key erasure, so that what was given out cannot be computed again from what is
// in memory. Seeded before the host runs; the host never sees the seed.
#pragma once

#include "core/chacha20.h"
#include "core/lock.h"

namespace pl {

class Entropy {
 public:
  // Mixes in what a source gave. May be called again at any time.
  void mix(const void* bytes, u64 size);
  bool is_seeded() const { return seeded_; }
  void use(ChaChaBlock block) { block_ = block; }
  // Fills whole words; each word is given out once.
  void take(u64* words, u64 count);

 private:
  static constexpr int kBlocks = 8;
  static constexpr u64 kKeyWords = 4;
  static constexpr u64 kWords = kBlocks * 8;

  void refill();

  Lock lock_;
  ChaChaBlock block_ = chacha20_block;
  ChaChaKey key_ = {};
  u64 refills_ = 0;
  u64 next_ = kWords;
  bool seeded_ = false;
  u64 buffer_[kWords] = {};
};

}  // namespace pl
