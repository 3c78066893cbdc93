// SPDX-License-Identifier: BSD-2-Clause
// The instance's generator of random bytes: ChaCha20 with fast key erasure, keyed by the monitor's entropy, which is fresh in every
// fork. getrandom, /dev/urandom, AT_RANDOM and address randomization all come from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pl {

// RFC 8439, 2.3: one block of the key stream.
void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint8_t out[64]);

namespace random {
void seed(std::span<const uint8_t, 64> entropy);  // replaces the whole state
void erase();                                     // before a freeze: nothing of it is left
void fill(void* to, size_t bytes);
uint64_t word();
void wipe(void* secret, size_t bytes);            // clears what nobody reads any more
}  // namespace random

}  // namespace pl
