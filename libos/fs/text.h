// SPDX-License-Identifier: BSD-2-Clause
// Text put together piece by piece, such as the content of a /proc file.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/ref.h"

namespace pl {

// Into memory of the caller's; what does not fit is cut.
class TextSpan {
 public:
  TextSpan(char* memory, size_t capacity) : memory_(memory), capacity_(capacity) {}
  TextSpan& operator<<(std::string_view s) {
    size_t n = s.size() < capacity_ - length_ ? s.size() : capacity_ - length_;
    std::memcpy(memory_ + length_, s.data(), n);
    length_ += n;
    return *this;
  }
  TextSpan& operator<<(char c) { return *this << std::string_view(&c, 1); }
  TextSpan& number(uint64_t value, unsigned base = 10, unsigned width = 0, char fill = '0');
  TextSpan& operator<<(uint64_t value) { return number(value); }
  TextSpan& operator<<(int64_t value) {
    if (value < 0) *this << '-';
    return number(value < 0 ? -uint64_t(value) : uint64_t(value));
  }
  TextSpan& operator<<(uint32_t value) { return number(value); }
  TextSpan& operator<<(int value) { return *this << int64_t(value); }
  TextSpan& hex(uint64_t value, unsigned width = 0) { return number(value, 16, width); }
  size_t length() const { return length_; }
  std::string_view view() const { return {memory_, length_}; }

 private:
  char* memory_;
  size_t capacity_;
  size_t length_ = 0;
};

// As long as needed, in pieces of the heap. Running out of memory is remembered and asked for at the end.
class Text {
 public:
  Text() = default;
  Text(const Text&) = delete;
  ~Text() { clear(); }

  void append(std::string_view s);
  template <class T>
  Text& operator<<(const T& value) {
    char memory[32];
    if constexpr (__is_constructible(std::string_view, const T&)) {
      append(std::string_view(value));
    } else {
      TextSpan t(memory, sizeof memory);
      t << value;
      append(t.view());
    }
    return *this;
  }
  Text& hex(uint64_t value, unsigned width = 0) { return number(value, 16, width); }
  Text& number(uint64_t value, unsigned base, unsigned width, char fill = '0') {
    char memory[32];
    append(TextSpan(memory, sizeof memory).number(value, base, width, fill).view());
    return *this;
  }
  // `name`, a tab and the value, as /proc/PID/status has them.
  template <class T>
  Text& field(std::string_view name, const T& value) { return *this << name << ":\t" << value << "\n"; }

  size_t length() const { return length_; }
  bool failed() const { return failed_; }
  // Copies up to `bytes` from `offset`; returns how many.
  size_t read(size_t offset, void* to, size_t bytes) const;
  void clear();

 private:
  static constexpr size_t PieceSize = 1000;
  struct Piece {
    Piece* next;
    size_t used;
    char text[PieceSize];
  };
  Piece* first_ = nullptr;
  Piece* last_ = nullptr;
  size_t length_ = 0;
  bool failed_ = false;
};

}  // namespace pl
