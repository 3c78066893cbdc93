// SPDX-License-Identifier: BSD-2-Clause
// Credit-based flow control of one stream. A sender may have kWindow bytes on the way; the receiver grants what it has taken away.
// So whoever reads the shared port never has to wait for one stream's consumer, and a slow command holds up no other.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pl::machine {

inline constexpr uint32_t kWindow = 512 * 1024;

class SendWindow {
 public:
  size_t available() const { return available_; }
  void sent(size_t size) { available_ -= static_cast<uint32_t>(size); }
  // False if the receiver grants more than was ever sent.
  [[nodiscard]] bool granted(uint32_t size) {
    if (size > kWindow - available_) return false;
    available_ += size;
    return true;
  }

 private:
  uint32_t available_ = kWindow;
};

class ReceiveWindow {
 public:
  // False if the sender overran its window.
  [[nodiscard]] bool received(size_t size) {
    if (size > kWindow - outstanding_ - owed_) return false;
    outstanding_ += static_cast<uint32_t>(size);
    return true;
  }
  // `size` bytes left for good. Returns the grant to send now, or 0: small grants are gathered.
  [[nodiscard]] uint32_t consumed(size_t size) {
    outstanding_ -= static_cast<uint32_t>(size);
    owed_ += static_cast<uint32_t>(size);
    if (owed_ < kWindow / 4) return 0;
    const uint32_t grant = owed_;
    owed_ = 0;
    return grant;
  }

 private:
  uint32_t outstanding_ = 0;  // received, not yet consumed
  uint32_t owed_ = 0;         // consumed, not yet granted
};

}  // namespace pl::machine
