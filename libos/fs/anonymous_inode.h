// SPDX-License-Identifier: BSD-2-Clause
// What a link such as /proc/self/fd/3 leads to when the file there is nowhere in the tree: a pipe, a socket, an eventfd.
#pragma once

#include "fs/abi.h"
#include "fs/file.h"

namespace pl {

class AnonymousInode : public Inode {
 public:
  static ErrorOr<Ref<Inode>> create(Ref<File> file) {
    const uint32_t type = TRY(file->attributes()).mode & file_mode::Type;
    return Ref<Inode>(TRY(make<AnonymousInode>(type, std::move(file))));
  }
  AnonymousInode(uint32_t type, Ref<File> file) : Inode(type), file_(std::move(file)) {}

  ErrorOr<Attributes> attributes() override { return file_->attributes(); }
  ErrorOr<Ref<File>> open(Ref<Inode>, uint32_t) override { return file_; }

 private:
  Ref<File> file_;
};

}  // namespace pl
