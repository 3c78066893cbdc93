// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 (FIPS 180-4, 6.2). It names templates for their owner; what code a template holds is proved by the monitor's own
// measurement and never by this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pl {

using Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  void update(std::span<const std::byte> data);
  Digest finish();

 private:
  void block(const std::byte* data);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> pending_{};
  size_t pending_size_ = 0;
  uint64_t total_ = 0;
};

Digest sha256(std::span<const std::byte> data);

}  // namespace pl
