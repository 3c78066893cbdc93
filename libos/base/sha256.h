// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 (FIPS 180-4). Ordinary C++: the host's side compiles it too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pl {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  void update(std::span<const std::byte> data);
  Sha256Digest finish();

 private:
  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint64_t total_ = 0;
  size_t pending_size_ = 0;
  alignas(8) std::array<std::byte, 64> pending_;
};

// The compression function: `blocks` blocks of 64 bytes at `data`, which is 8-byte aligned. The second needs Zbb.
void sha256_blocks(uint32_t state[8], const std::byte* data, size_t blocks);
extern "C" void sha256_blocks_zbb(uint32_t state[8], const std::byte* data, size_t blocks);
// Which of them is used.
extern void (*sha256_compress)(uint32_t state[8], const std::byte* data, size_t blocks);

}  // namespace pl
