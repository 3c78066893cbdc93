// SPDX-License-Identifier: BSD-2-Clause
// What a shared anonymous mapping maps: pages that appear when they are touched and stay as long as somebody maps them.
#pragma once

#include "fs/inode.h"
#include "memory/page_index.h"

namespace pl {

class SharedMemory : public Inode {
 public:
  static ErrorOr<Ref<Inode>> create(uint64_t bytes);
  explicit SharedMemory(uint64_t bytes) : Inode(0100000 /* S_IFREG */), bytes_(bytes) {}

  ErrorOr<Attributes> attributes() override;
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;
  ErrorOr<FrameRef> page(uint64_t index, bool shared_writable) override;

 private:
  uint64_t bytes_;
  PageIndex pages_;
};

}  // namespace pl
