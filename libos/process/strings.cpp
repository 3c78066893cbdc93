// SPDX-License-Identifier: BSD-2-Clause
#include "process/strings.h"

#include <algorithm>
#include <cstring>

#include "base/ref.h"

namespace pl {

namespace {
constexpr size_t MaxString = 131072;  // MAX_ARG_STRLEN (execve(2))
}

ArgumentStrings::~ArgumentStrings() { clear(); }

void ArgumentStrings::clear() {
  while (Chunk* c = first_) {
    first_ = c->next;
    heap_free(c, sizeof(Chunk), alignof(Chunk));
  }
  last_ = nullptr;
  count_ = bytes_ = skipped_ = inline_used_ = 0;
}

ErrorOr<ArgumentStrings::Room> ArgumentStrings::room() {
  if (!last_ && inline_used_ < InlineSize) return Room{small_ + inline_used_, InlineSize - inline_used_};
  if (!last_ || last_->used == sizeof(last_->text)) {
    void* memory = heap_allocate(sizeof(Chunk), alignof(Chunk));
    if (!memory) return fail(Errno::NoMemory);
    Chunk* chunk = static_cast<Chunk*>(memory);
    chunk->next = nullptr;
    chunk->used = 0;
    (last_ ? last_->next : first_) = chunk;
    last_ = chunk;
  }
  return Room{last_->text + last_->used, sizeof(last_->text) - last_->used};
}

void ArgumentStrings::used(size_t bytes) {
  (last_ ? last_->used : inline_used_) += bytes;
  bytes_ += bytes;
}

ErrorOr<void> ArgumentStrings::append(std::string_view text) {
  size_t left = text.size() + 1;
  const char* from = text.data();
  while (left) {
    Room r = TRY(room());
    size_t n = std::min(left, r.bytes);
    bool last = n == left;
    memcpy(r.at, from, last ? n - 1 : n);
    if (last) r.at[n - 1] = 0;
    from += n;
    left -= n;
    used(n);
  }
  ++count_;
  return {};
}

ErrorOr<void> ArgumentStrings::append_user(UserAddress pointers, size_t limit) {
  if (!pointers) return {};  // Linux takes a null array for an empty one
  UserIn<uint64_t> array{pointers};
  size_t budget = limit;
  for (size_t i = 0;; ++i) {
    uint64_t pointer = TRY(array.read(i));
    if (!pointer) return {};
    if (budget < sizeof(uint64_t)) return fail(Errno::TooBig);
    budget -= sizeof(uint64_t);
    UserAddress from(pointer);
    for (size_t length = 0;;) {
      Room r = TRY(room());
      // Never across a page of the program: the next one may not be there, and need not be.
      size_t n = std::min({r.bytes, size_t(PageSize - from.page_offset()), size_t(128)});
      TRY(copy_from_user(r.at, from, n));
      const void* end = memchr(r.at, 0, n);
      if (end) n = size_t(static_cast<const char*>(end) - r.at) + 1;
      length += n;
      if (n > budget || length > MaxString) return fail(Errno::TooBig);
      budget -= n;
      used(n);
      if (end) break;
      from += n;
    }
    ++count_;
  }
}

void ArgumentStrings::drop_first() {
  if (!count_) return;
  --count_;
  size_t n = 0;
  bool found = false;
  (void)for_each_piece([&](std::string_view piece) -> ErrorOr<void> {
    if (found) return {};
    size_t end = piece.find('\0');
    found = end != piece.npos;
    n += found ? end + 1 : piece.size();
    return {};
  });
  skipped_ += n;
  bytes_ -= n;
}

}  // namespace pl
