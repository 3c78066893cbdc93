// SPDX-License-Identifier: BSD-2-Clause
// Moving bytes through a Buffer: ordinary C++ over the copies of memory/user.h, so that the unit tests of every folder run this code.
#include <cstring>

#include "memory/user.h"

namespace pl {

template <class Move>
ErrorOr<void> Buffer::advance(size_t bytes, Move move) {
  if (bytes > left_) return fail(Errno::Invalid);
  while (bytes) {
    if (kernel_) {
      TRY(move(kernel_, UserAddress{}, bytes));
      kernel_ += bytes;
      left_ -= bytes;
      return {};
    }
    const Piece& piece = pieces_.empty() ? single_ : pieces_.front();
    size_t step = piece.bytes - used_ < bytes ? piece.bytes - used_ : bytes;
    if (step) TRY(move(nullptr, piece.address + used_, step));
    used_ += step;
    left_ -= step;
    bytes -= step;
    if (used_ == piece.bytes && !pieces_.empty()) {
      pieces_ = pieces_.subspan(1);
      used_ = 0;
    }
  }
  return {};
}

ErrorOr<void> Buffer::put(const void* from, size_t bytes) {
  auto* next = static_cast<const std::byte*>(from);
  return advance(bytes, [&](std::byte* kernel, UserAddress user, size_t n) -> ErrorOr<void> {
    if (kernel)
      std::memcpy(kernel, next, n);
    else
      TRY(copy_to_user(user, next, n));
    next += n;
    return {};
  });
}

ErrorOr<void> Buffer::put_zeros(size_t bytes) {
  return advance(bytes, [&](std::byte* kernel, UserAddress user, size_t n) -> ErrorOr<void> {
    if (!kernel) return zero_user(user, n);
    std::memset(kernel, 0, n);
    return {};
  });
}

ErrorOr<void> Buffer::take(void* to, size_t bytes) {
  auto* next = static_cast<std::byte*>(to);
  return advance(bytes, [&](std::byte* kernel, UserAddress user, size_t n) -> ErrorOr<void> {
    if (kernel)
      std::memcpy(next, kernel, n);
    else
      TRY(copy_from_user(next, user, n));
    next += n;
    return {};
  });
}

}  // namespace pl
