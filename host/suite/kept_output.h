// SPDX-License-Identifier: BSD-2-Clause
// What a test writes: the beginning and the end of it, however much there is.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace pl::suite {

class KeptOutput {
 public:
  void add(std::string_view text) {
    const size_t to_head = std::min(text.size(), kPart - head_.size());
    head_ += text.substr(0, to_head);
    tail_ += text.substr(to_head);
    if (tail_.size() < 2 * kPart) return;
    left_out_ += tail_.size() - kPart;
    tail_.erase(0, tail_.size() - kPart);
  }
  std::string text() const {
    std::string_view tail = tail_;
    uint64_t left_out = left_out_;
    if (tail.size() > kPart) {
      left_out += tail.size() - kPart;
      tail.remove_prefix(tail.size() - kPart);
    }
    return left_out ? head_ + "\n[" + std::to_string(left_out) + " bytes are left out]\n" + std::string(tail) : head_ + std::string(tail);
  }

 private:
  static constexpr size_t kPart = 16 << 10;
  std::string head_, tail_;
  uint64_t left_out_ = 0;
};

}  // namespace pl::suite
