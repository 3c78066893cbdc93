// SPDX-License-Identifier: BSD-2-Clause
// What may lie below a tmpfs: a file system that never changes. Its files appear in the tmpfs when they are first looked at, and are
// ordinary tmpfs files from then on, whose pages come from below until they are written.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "fs/inode.h"
#include "memory/frame.h"

namespace pl {

struct LowerNode {
  uint32_t mode = 0, uid = 0, gid = 0, links = 1;
  uint64_t size = 0, rdev = 0;
  int64_t mtime = 0;
  // Of a regular file: its first pages are so many blocks, from this one on, and what is left is its tail.
  uint64_t first_block = 0, whole_blocks = 0;
};

// Nodes are numbers. Everything may wait for the host but what is said not to.
class LowerFiles {
 public:
  virtual ErrorOr<LowerNode> node(uint64_t number) = 0;
  virtual ErrorOr<uint64_t> lookup(uint64_t directory, std::string_view name) = 0;
  // As Inode::list(); an entry's inode is its node. Cookies are below LowerCookies.
  virtual ErrorOr<bool> list(uint64_t directory, uint64_t cookie, bool (*visit)(void*, const DirectoryEntry&), void* context) = 0;
  virtual ErrorOr<size_t> readlink(uint64_t link, char* out, size_t capacity) = 0;
  virtual ErrorOr<FrameRef> block(uint64_t index) = 0;
  // The same if it is there without waiting, else null.
  virtual FrameRef block_in_memory(uint64_t index) const = 0;
  // The last page of a regular file that has a tail, put together for this call: the caller's to keep.
  virtual ErrorOr<FrameRef> tail(uint64_t file) = 0;

 protected:
  ~LowerFiles() = default;
};
constexpr uint64_t LowerCookies = uint64_t(1) << 40;

// A node below, or none.
struct Lower {
  LowerFiles* files = nullptr;
  uint64_t number = 0;
  explicit operator bool() const { return files; }
};

}  // namespace pl
