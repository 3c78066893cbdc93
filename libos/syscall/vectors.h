// SPDX-License-Identifier: BSD-2-Clause
// The iovec array of readv() and its kind, copied in and checked.
#pragma once

#include <span>

#include "fs/abi.h"
#include "memory/user.h"
#include "syscall/file_abi.h"

namespace pl {

class Vectors {
 public:
  static constexpr int Maximum = 1024;  // UIO_MAXIOV
  Vectors() = default;
  Vectors(const Vectors&) = delete;
  ~Vectors();
  ErrorOr<void> read(UserIn<IoVector> from, int count);
  Buffer buffer() const { return Buffer::user(std::span<const Buffer::Piece>(pieces_, used_)); }

 private:
  static constexpr int Few = 4;
  Buffer::Piece few_[Few];
  Buffer::Piece* pieces_ = few_;
  size_t used_ = 0;
  size_t capacity_ = Few;
};

}  // namespace pl
