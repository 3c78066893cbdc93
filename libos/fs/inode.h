// SPDX-License-Identifier: BSD-2-Clause
// An inode: a file, directory or link of some file system. Path walking and permission checks are in fs/path.h, not here.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/ref.h"
#include "memory/frame.h"
#include "memory/user.h"

namespace pl {

class File;

// What stat() tells (nanoseconds since 1970).
struct Attributes {
  uint64_t inode = 0, size = 0, blocks = 0, device = 0, rdev = 0;
  uint32_t mode = 0, links = 1, uid = 0, gid = 0;
  int64_t atime = 0, mtime = 0, ctime = 0;
};

struct DirectoryEntry { uint64_t inode; uint64_t cookie; uint8_t type; std::string_view name; };

class Inode : public RefCounted {
 public:
  virtual ErrorOr<Attributes> attributes() = 0;
  uint32_t type() const { return type_; }  // S_IFMT bits; never changes

  // An open file description on this inode (fs/file.h). `flags` are open(2)'s.
  virtual ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) = 0;

  // Regular files.
  virtual ErrorOr<size_t> read(uint64_t, Buffer&) { return fail(Errno::Invalid); }
  virtual ErrorOr<size_t> write(uint64_t, Buffer&) { return fail(Errno::Invalid); }
  virtual ErrorOr<void> truncate(uint64_t) { return fail(Errno::Invalid); }
  // The page of the page cache that backs a mapping; past the end: BUS (Errno::NoDeviceAddress). ENODEV: cannot be mapped (this way).
  virtual ErrorOr<FrameRef> page(uint64_t /*index*/, bool /*shared_writable*/) { return fail(Errno::NoDevice); }

  // Directories. Names hold no '/'.
  virtual ErrorOr<Ref<Inode>> lookup(std::string_view) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<Ref<Inode>> create(std::string_view, uint32_t /*mode with type*/, uint64_t /*rdev*/, uint32_t /*uid*/, uint32_t /*gid*/) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<void> link(std::string_view, Inode&) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<void> unlink(std::string_view, bool /*directory*/) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<void> symlink(std::string_view, std::string_view /*target*/, uint32_t, uint32_t) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<void> rename(std::string_view, Inode& /*new_parent*/, std::string_view, uint32_t /*RENAME_ flags*/) { return fail(Errno::NotDirectory); }
  // One entry at a time from `cookie` on; false at the end.
  virtual ErrorOr<bool> list(uint64_t /*cookie*/, bool (*/*visit*/)(void*, const DirectoryEntry&), void*) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<size_t> readlink(char*, size_t) { return fail(Errno::Invalid); }

  virtual ErrorOr<void> set_mode(uint32_t) { return fail(Errno::Perm); }
  virtual ErrorOr<void> set_owner(uint32_t, uint32_t) { return fail(Errno::Perm); }
  virtual ErrorOr<void> set_times(int64_t /*atime*/, int64_t /*mtime*/) { return fail(Errno::Perm); }
  virtual ErrorOr<void> sync(bool) { return {}; }

 protected:
  explicit Inode(uint32_t type) : type_(type) {}

 private:
  uint32_t type_;
};

}  // namespace pl
