// SPDX-License-Identifier: BSD-2-Clause
#include "base/sha256.h"

#include <cstring>

namespace pl {

constinit void (*sha256_compress)(uint32_t state[8], const std::byte* data, size_t blocks) = sha256_blocks;

void Sha256::update(std::span<const std::byte> data) {
  if (data.empty()) return;
  total_ += data.size();
  if (pending_size_) {
    size_t room = pending_.size() - pending_size_, take = data.size() < room ? data.size() : room;
    std::memcpy(pending_.data() + pending_size_, data.data(), take);
    pending_size_ += take;
    data = data.subspan(take);
    if (pending_size_ < pending_.size()) return;
    sha256_compress(state_.data(), pending_.data(), 1);
    pending_size_ = 0;
  }
  if (size_t blocks = data.size() / pending_.size()) {
    if (reinterpret_cast<uintptr_t>(data.data()) % 8 == 0) {
      sha256_compress(state_.data(), data.data(), blocks);
      data = data.subspan(blocks * pending_.size());
    } else {
      for (; blocks; blocks--, data = data.subspan(pending_.size())) {
        std::memcpy(pending_.data(), data.data(), pending_.size());
        sha256_compress(state_.data(), pending_.data(), 1);
      }
    }
  }
  if (!data.empty()) std::memcpy(pending_.data(), data.data(), data.size());
  pending_size_ = data.size();
}

Sha256Digest Sha256::finish() {
  constexpr size_t LengthAt = 56;
  uint64_t bits = total_ * 8;
  pending_[pending_size_++] = std::byte(0x80);
  if (pending_size_ > LengthAt) {
    std::memset(pending_.data() + pending_size_, 0, pending_.size() - pending_size_);
    sha256_compress(state_.data(), pending_.data(), 1);
    pending_size_ = 0;
  }
  std::memset(pending_.data() + pending_size_, 0, LengthAt - pending_size_);
  for (size_t i = 0; i < 8; i++) pending_[LengthAt + i] = std::byte(bits >> (56 - 8 * i));
  sha256_compress(state_.data(), pending_.data(), 1);
  Sha256Digest digest;
  for (size_t i = 0; i < digest.size(); i++) digest[i] = uint8_t(state_[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

}  // namespace pl
