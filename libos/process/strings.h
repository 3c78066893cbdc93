// SPDX-License-Identifier: BSD-2-Clause
// Argument and environment strings on their way into a new stack: NUL-terminated, one after the other. Short lists need no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "memory/user.h"

namespace pl {

class ArgumentStrings {
 public:
  ArgumentStrings() = default;
  ~ArgumentStrings();
  ArgumentStrings(const ArgumentStrings&) = delete;

  // Appends `text` and a NUL.
  ErrorOr<void> append(std::string_view text);
  // The strings a program's NULL-terminated array of pointers names. E2BIG beyond `limit` bytes in all, pointers included.
  ErrorOr<void> append_user(UserAddress pointers, size_t limit);
  // Forgets the first string: a script's argv[0].
  void drop_first();

  void clear();

  size_t count() const { return count_; }
  size_t bytes() const { return bytes_; }
  // Calls visit(piece) for each piece of memory that the strings lie in, in order.
  template <class Visit>
  ErrorOr<void> for_each_piece(Visit visit) const {
    size_t skip = skipped_, left = bytes_;
    if (size_t n = inline_used_ - (skip < inline_used_ ? skip : inline_used_)) {
      TRY(visit(std::string_view(small_ + inline_used_ - n, n)));
      left -= n;
      skip = 0;
    } else {
      skip -= inline_used_;
    }
    for (Chunk* c = first_; c && left; c = c->next) {
      size_t n = c->used > skip ? c->used - skip : 0;
      if (n) TRY(visit(std::string_view(c->text + skip, n)));
      skip -= c->used - n;
      left -= n;
    }
    return {};
  }
  // Calls visit(string) for each, where none crosses from one piece to the next: lists of a few short strings.
  template <class Visit>
  ErrorOr<void> for_each_string(Visit visit) const {
    return for_each_piece([&](std::string_view piece) -> ErrorOr<void> {
      while (!piece.empty()) {
        size_t end = piece.find('\0');
        if (end == piece.npos) return fail(Errno::TooBig);
        TRY(visit(piece.substr(0, end)));
        piece.remove_prefix(end + 1);
      }
      return {};
    });
  }

 private:
  static constexpr size_t InlineSize = 384, ChunkSize = 4096;
  struct Chunk {
    Chunk* next = nullptr;
    size_t used = 0;
    char text[ChunkSize - 16];
  };
  struct Room { char* at; size_t bytes; };
  ErrorOr<Room> room();
  void used(size_t bytes);

  size_t count_ = 0, bytes_ = 0, skipped_ = 0;
  size_t inline_used_ = 0;
  Chunk *first_ = nullptr, *last_ = nullptr;
  char small_[InlineSize];
};

}  // namespace pl
