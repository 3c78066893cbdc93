// SPDX-License-Identifier: BSD-2-Clause
// Bytes that wait until a descriptor takes them.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

#include "../wire/bytes.h"

namespace pl::machine {

class ByteQueue {
 public:
  size_t size() const { return bytes_.size() - begin_; }
  bool empty() const { return size() == 0; }
  void clear() {
    bytes_.clear();
    begin_ = 0;
  }
  std::span<const std::byte> front() const { return std::span(bytes_).subspan(begin_); }
  void push(std::span<const std::byte> more) { bytes_.insert(tail().end(), more.begin(), more.end()); }
  // For those who append in place.
  Bytes& tail() {
    // Moving what is left is worth it once that is less than what it frees.
    if (begin_ > 0 && begin_ >= size()) {
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(begin_));
      begin_ = 0;
    }
    return bytes_;
  }
  void pop(size_t count) {
    begin_ += count;
    if (begin_ == bytes_.size()) clear();
  }

 private:
  Bytes bytes_;
  size_t begin_ = 0;
};

}  // namespace pl::machine
