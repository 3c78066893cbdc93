// SPDX-License-Identifier: BSD-2-Clause
#include "core/entropy.h"

#include "core/sha384.h"

namespace pl {

void Entropy::refill() {
  u32 position[4] = {0, 0, static_cast<u32>(refills_), static_cast<u32>(refills_ >> 32)};
  for (int block = 0; block < kBlocks; ++block) {
    position[0] = static_cast<u32>(block);
    u32 out[16];
    block_(key_, position, out);
    for (int i = 0; i < 8; ++i) buffer_[block * 8 + i] = out[2 * i] | static_cast<u64>(out[2 * i + 1]) << 32;
  }
  ++refills_;
  for (u64 i = 0; i < kKeyWords; ++i) {
    key_.word[2 * i] = static_cast<u32>(buffer_[i]);
    key_.word[2 * i + 1] = static_cast<u32>(buffer_[i] >> 32);
    buffer_[i] = 0;
  }
  next_ = kKeyWords;
}

// key = SHA-384(key, length, bytes), cut to its size: nothing that was mixed in earlier is lost.
void Entropy::mix(const void* bytes, u64 size) {
  LockGuard guard(lock_);
  Sha384 hash;
  hash.start();
  u64 words[kKeyWords];
  for (u64 i = 0; i < kKeyWords; ++i) words[i] = key_.word[2 * i] | static_cast<u64>(key_.word[2 * i + 1]) << 32;
  hash.update(words, kKeyWords);
  hash.update(&size, 1);
  const u8* source = static_cast<const u8*>(bytes);
  for (u64 offset = 0; offset < size; offset += 8) {
    u64 word = 0;
    for (u64 i = 0; i < 8 && offset + i < size; ++i) word |= static_cast<u64>(source[offset + i]) << (8 * i);
    hash.update(&word, 1);
  }
  u8 digest[PL_MEASUREMENT_SIZE];
  hash.finish(digest);
  for (int i = 0; i < 8; ++i) {
    key_.word[i] = digest[4 * i] | static_cast<u32>(digest[4 * i + 1]) << 8 | static_cast<u32>(digest[4 * i + 2]) << 16 |
                   static_cast<u32>(digest[4 * i + 3]) << 24;
  }
  next_ = kWords;
  seeded_ = true;
}

void Entropy::take(u64* words, u64 count) {
  LockGuard guard(lock_);
  while (count != 0) {
    if (next_ == kWords) refill();
    const u64 ready = min(count, kWords - next_);
    u64* from = buffer_ + next_;
    for (u64* const end = words + ready; words != end; ++words, ++from) {
      *words = *from;
      *from = 0;
    }
    next_ += ready;
    count -= ready;
  }
}

}  // namespace pl
