// SPDX-License-Identifier: BSD-2-Clause
#include "fs/text.h"

#include <algorithm>

namespace pl {

TextSpan& TextSpan::number(uint64_t value, unsigned base, unsigned width, char fill) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  for (size_t n = sizeof digits - at; n < width; n++) *this << fill;
  return *this << std::string_view(digits + at, sizeof digits - at);
}

void Text::append(std::string_view s) {
  while (!s.empty()) {
    if (!last_ || last_->used == PieceSize) {
      auto piece = static_cast<Piece*>(heap_allocate(sizeof(Piece), alignof(Piece)));
      if (!piece) {
        failed_ = true;
        return;
      }
      piece->next = nullptr;
      piece->used = 0;
      (last_ ? last_->next : first_) = piece;
      last_ = piece;
    }
    size_t n = std::min(s.size(), PieceSize - last_->used);
    std::memcpy(last_->text + last_->used, s.data(), n);
    last_->used += n;
    length_ += n;
    s.remove_prefix(n);
  }
}

size_t Text::read(size_t offset, void* to, size_t bytes) const {
  size_t done = 0;
  for (Piece* p = first_; p && done < bytes; p = p->next) {
    if (offset >= p->used) {
      offset -= p->used;
      continue;
    }
    size_t n = std::min(p->used - offset, bytes - done);
    std::memcpy(static_cast<char*>(to) + done, p->text + offset, n);
    done += n;
    offset = 0;
  }
  return done;
}

void Text::clear() {
  while (first_) {
    Piece* next = first_->next;
    heap_free(first_, sizeof(Piece), alignof(Piece));
    first_ = next;
  }
  last_ = nullptr;
  length_ = 0;
  failed_ = false;
}

}  // namespace pl
