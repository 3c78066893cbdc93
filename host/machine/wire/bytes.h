// SPDX-License-Identifier: BSD-2-Clause
// Little-endian fields of a message payload. A reader never runs past its bytes: the first field that does not fit makes it fail,
// and stays failed, so a decoder reads all fields and asks once, at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pl::machine {

using Bytes = std::vector<std::byte>;

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}

  template <typename Integer>
  void integer(Integer value) {
    for (size_t i = 0; i < sizeof(Integer); ++i) {
      out_.push_back(static_cast<std::byte>(static_cast<uint64_t>(value) >> (8 * i)));
    }
  }
  void text(std::string_view value) {
    integer(static_cast<uint32_t>(value.size()));
    const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
    out_.insert(out_.end(), bytes, bytes + value.size());
  }
  void texts(const std::vector<std::string>& values) {
    integer(static_cast<uint32_t>(values.size()));
    for (const std::string& value : values) text(value);
  }

 private:
  Bytes& out_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> in) : in_(in) {}

  template <typename Integer>
  Integer integer() {
    uint64_t value = 0;
    if (!take(sizeof(Integer))) return 0;
    for (size_t i = 0; i < sizeof(Integer); ++i) value |= std::to_integer<uint64_t>(in_[at_ - sizeof(Integer) + i]) << (8 * i);
    return static_cast<Integer>(value);
  }
  std::string text() {
    const auto size = integer<uint32_t>();
    if (!take(size)) return {};
    return std::string(reinterpret_cast<const char*>(in_.data()) + at_ - size, size);
  }
  std::vector<std::string> texts() {
    const auto count = integer<uint32_t>();
    // Each needs four bytes at least: a count that cannot be true must not reserve memory.
    if (count > (in_.size() - at_) / 4) failed_ = true;
    std::vector<std::string> values;
    for (uint32_t i = 0; i < count && !failed_; ++i) values.push_back(text());
    return values;
  }
  // True if every field was there and nothing is left over.
  bool complete() const { return !failed_ && at_ == in_.size(); }
  bool failed() const { return failed_; }

 private:
  bool take(size_t size) {
    if (failed_ || size > in_.size() - at_) {
      failed_ = true;
      return false;
    }
    at_ += size;
    return true;
  }

  std::span<const std::byte> in_;
  size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace pl::machine
