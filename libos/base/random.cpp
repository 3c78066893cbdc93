// SPDX-License-Identifier: BSD-2-Clause
// Fast key erasure: each block of the stream gives the next key first and bytes to hand out second, and what was handed out is cleared.
// A memory image therefore tells nothing of what was given before.
#include "base/random.h"

#include <cstring>

#include "base/hot.h"

namespace pl::random {
namespace {

struct Generator {
  uint32_t key[8];
  alignas(4) uint8_t ready[32];  // the last `left` bytes have not been handed out
  uint32_t left;
};
PL_HOT_FRESH constinit Generator generator{};

constexpr uint32_t NoNonce[3] = {0, 0, 0};

void refill() {
  uint8_t block[64];
  chacha20_block(generator.key, 0, NoNonce, block);
  std::memcpy(generator.key, block, 32);
  std::memcpy(generator.ready, block + 32, 32);
  generator.left = 32;
  wipe(block, sizeof block);
}

}  // namespace

// The monitor's 64 bytes are uniform and independent: half is the key, the other half is what is handed out first, so that a fork
// computes no block before its program needs one.
void seed(std::span<const uint8_t, 64> entropy) {
  std::memcpy(generator.key, entropy.data(), 32);
  std::memcpy(generator.ready, entropy.data() + 32, 32);
  generator.left = 32;
}

// The compiler is told that somebody looks at it: else it would leave out the clearing of what nobody reads any more.
void wipe(void* secret, size_t bytes) {
  std::memset(secret, 0, bytes);
  asm volatile("" ::"r"(secret) : "memory");
}

void erase() { std::memset(&generator, 0, sizeof generator); }

void fill(void* to, size_t bytes) {
  auto* out = static_cast<uint8_t*>(to);
  // Much at once: a stream under a key of its own, with whole blocks.
  if (bytes > 256) {
    uint32_t key[8];
    fill(key, sizeof key);
    for (uint32_t counter = 0; bytes >= 64; counter++, out += 64, bytes -= 64) chacha20_block(key, counter, NoNonce, out);
    wipe(key, sizeof key);
  }
  while (bytes) {
    if (!generator.left) refill();
    size_t n = bytes < generator.left ? bytes : generator.left;
    uint8_t* from = generator.ready + sizeof generator.ready - generator.left;
    generator.left -= n;
    bytes -= n;
    // A few bytes each time, mostly whole words.
    if (((reinterpret_cast<uintptr_t>(out) | reinterpret_cast<uintptr_t>(from)) & 3) == 0)
      for (; n >= 4; n -= 4, out += 4, from += 4) {
        auto* word = reinterpret_cast<uint32_t*>(from);
        *reinterpret_cast<uint32_t*>(out) = *word;
        *word = 0;
      }
    for (; n; n--, out++, from++) {
      *out = *from;
      *from = 0;
    }
  }
}

uint64_t word() {
  uint64_t value;
  fill(&value, sizeof value);
  return value;
}

}  // namespace pl::random
