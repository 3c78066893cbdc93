// SPDX-License-Identifier: BSD-2-Clause
// The only way to a program's memory. A copy may sleep (demand paging, a host read), so never under a spin lock. A bad address
// is EFAULT; nothing here can trap. All are of the current thread's address space.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include "base/address.h"
#include "base/error.h"

namespace pl {

ErrorOr<void> copy_from_user(void* to, UserAddress from, size_t bytes);
ErrorOr<void> copy_to_user(UserAddress to, const void* from, size_t bytes);
// Makes the pages present and writable: for what was just mapped and is written next, instead of a fault for each.
ErrorOr<void> populate_user(UserAddress at, size_t bytes);
ErrorOr<void> zero_user(UserAddress to, size_t bytes);
// Length without the NUL; ENAMETOOLONG when there is none within `capacity` bytes. The copy is NUL-terminated.
ErrorOr<size_t> copy_string_from_user(char* to, UserAddress from, size_t capacity);

// Futex words: never sleep and never fault in a page; EFAULT means: touch the page with a copy, then try again.
ErrorOr<uint32_t> load_user_atomic(UserAddress from);
// Returns the old value; stores `desired` only if that was `expected`.
ErrorOr<uint32_t> compare_exchange_user(UserAddress at, uint32_t expected, uint32_t desired);

// A typed pointer argument of a system call; null is allowed and asked for with the bool.
template <class T>
struct UserIn {
  static_assert(std::is_trivially_copyable_v<T>);
  UserAddress address;
  explicit operator bool() const { return bool(address); }
  ErrorOr<T> read(size_t index = 0) const {
    T value;
    TRY(copy_from_user(&value, address + index * sizeof(T), sizeof(T)));
    return value;
  }
};

template <class T>
struct UserOut {
  static_assert(std::is_trivially_copyable_v<T>);
  UserAddress address;
  explicit operator bool() const { return bool(address); }
  ErrorOr<void> write(const T& value, size_t index = 0) const {
    return copy_to_user(address + index * sizeof(T), &value, sizeof(T));
  }
};

// Where a read puts, or a write takes, its bytes: a program's iovec or memory of the libOS. Advances as it is used.
class Buffer {
 public:
  struct Piece { UserAddress address; size_t bytes; };
  static Buffer kernel(void* memory, size_t bytes) { Buffer b; b.kernel_ = static_cast<std::byte*>(memory); b.left_ = bytes; return b; }
  static Buffer user(UserAddress address, size_t bytes) { Buffer b; b.single_ = {address, bytes}; b.left_ = bytes; return b; }
  // `pieces` outlives the buffer.
  static Buffer user(std::span<const Piece> pieces) { Buffer b; b.pieces_ = pieces; for (auto& p : pieces) b.left_ += p.bytes; return b; }

  size_t left() const { return left_; }
  // Into the buffer (the program reads) or out of it (the program writes); `bytes` at most left(). On EFAULT some may have moved.
  ErrorOr<void> put(const void* from, size_t bytes);
  ErrorOr<void> put_zeros(size_t bytes);
  ErrorOr<void> take(void* to, size_t bytes);
  // Caps what may still be moved.
  void limit(size_t bytes) { if (bytes < left_) left_ = bytes; }

 private:
  template <class Move> ErrorOr<void> advance(size_t bytes, Move move);
  std::byte* kernel_ = nullptr;
  Piece single_{};
  std::span<const Piece> pieces_;
  size_t used_ = 0;  // of the current piece
  size_t left_ = 0;
};

}  // namespace pl
