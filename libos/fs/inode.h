// SPDX-License-Identifier: BSD-2-Clause
// An inode: a file, directory or link of some file system. Path walking and permission checks are in fs/path.h, not here: an inode does
// what it is told.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/ref.h"
#include "memory/frame.h"
#include "memory/user.h"

namespace pl {

class File;
namespace locks {
class Authority;
}

// What stat() tells (nanoseconds since 1970).
struct Attributes {
  uint64_t inode = 0, size = 0, blocks = 0, device = 0, rdev = 0;
  uint32_t mode = 0, links = 1, uid = 0, gid = 0;
  int64_t atime = 0, mtime = 0, ctime = 0;
};

// What statfs() tells.
struct FileSystemStatus {
  uint64_t type = 0, block_size = 4096, blocks = 0, free = 0, available = 0, files = 0, files_free = 0;
  bool read_only = false, no_set_id = false;
};

struct DirectoryEntry {
  uint64_t inode;
  uint64_t cookie;  // continues behind this entry
  uint8_t type;     // DT_*: the S_IFMT bits >> 12
  std::string_view name;
};

enum class Linkable : bool { No, Yes };

// What stands between two slashes when an inode says its own name.
constexpr size_t NameCapacity = 256;

class Inode : public RefCounted {
 public:
  virtual ErrorOr<Attributes> attributes() = 0;
  uint32_t type() const { return type_; }  // S_IFMT bits; never changes
  bool is_directory() const { return type_ == 0040000; }
  bool is_regular() const { return type_ == 0100000; }
  bool is_link() const { return type_ == 0120000; }

  // An open file description on this inode (fs/file.h). `flags` are open(2)'s, O_TRUNC only for those that do it themselves.
  virtual ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) = 0;
  virtual bool truncates_on_open() const { return false; }

  // Regular files.
  virtual ErrorOr<size_t> read(uint64_t, Buffer&) { return fail(Errno::Invalid); }
  virtual ErrorOr<size_t> write(uint64_t, Buffer&) { return fail(Errno::Invalid); }
  virtual ErrorOr<void> truncate(uint64_t) { return fail(Errno::Invalid); }
  // fallocate(2): mode 0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE.
  virtual ErrorOr<void> allocate(uint32_t /*mode*/, uint64_t /*offset*/, uint64_t /*bytes*/) { return fail(Errno::NotSupported); }
  // lseek's SEEK_DATA and SEEK_HOLE; ENXIO behind the end.
  virtual ErrorOr<uint64_t> seek_data(uint64_t /*offset*/, bool /*hole*/) { return fail(Errno::Invalid); }
  // The page of the page cache that backs a mapping; past the end: BUS (Errno::NoDeviceAddress). ENODEV: cannot be mapped (this way).
  // `shared`: for a MAP_SHARED mapping, whatever its protection; the frame is then the file's own for good, and written in place.
  virtual ErrorOr<FrameRef> page(uint64_t /*index*/, bool /*shared*/) { return fail(Errno::NoDevice); }
  // The same page for a private mapping, where it is in memory and nobody has to wait or to make it: what a page fault, or a freeze, may
  // map beyond the page that was asked for. Else null.
  virtual FrameRef page_in_memory(uint64_t /*index*/) { return {}; }
  // It has been mapped, or a page of it is written through a shared mapping: what its times say of that (mmap(2), NOTES).
  enum class ThroughMapping : uint8_t { Read, Written };
  virtual void touched(ThroughMapping) {}

  // Directories. Names hold no '/', are not empty, and are not "." or "..".
  virtual ErrorOr<Ref<Inode>> lookup(std::string_view) { return fail(Errno::NotDirectory); }
  // The same on the way to something below it: may rely on what was seen a moment ago.
  virtual ErrorOr<Ref<Inode>> lookup_on_the_way(std::string_view name) { return lookup(name); }
  // Whether looking for the name, or without one opening this itself, asks nobody outside (openat2(2), RESOLVE_CACHED).
  virtual bool answers_from_memory(std::string_view) { return true; }
  // Finds and opens for reading in one step, with the caller's permissions checked; null: to be done in two.
  virtual ErrorOr<Ref<File>> open_existing(std::string_view, uint32_t /*flags*/);
  virtual ErrorOr<Ref<Inode>> create(std::string_view, uint32_t /*mode with type*/, uint64_t /*rdev*/, uint32_t /*uid*/,
                                     uint32_t /*gid*/) { return fail(Errno::NotDirectory); }
  // A regular file without a name (O_TMPFILE), which link() may give it or not.
  virtual ErrorOr<Ref<Inode>> create_unnamed(uint32_t /*mode*/, uint32_t /*uid*/, uint32_t /*gid*/, Linkable) { return fail(Errno::NotSupported); }
  virtual ErrorOr<void> link(std::string_view, Inode&) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<void> unlink(std::string_view, bool /*directory*/) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<void> symlink(std::string_view, std::string_view /*target*/, uint32_t, uint32_t) { return fail(Errno::NotDirectory); }
  virtual ErrorOr<void> rename(std::string_view, Inode& /*new_parent*/, std::string_view, uint32_t /*RENAME_ flags*/) {
    return fail(Errno::NotDirectory);
  }
  // From the entry behind `cookie` on (0: the first), until visit says false, the end, or (after some entries) where it suits the file
  // system; "." and ".." are not among them. True when the end was reached. `visit` does not sleep. `room`: bytes of getdents64
  // records that it will take; a host's directory is best read on from where it was left.
  virtual ErrorOr<bool> list(uint64_t /*cookie*/, size_t /*room*/, bool (* /*visit*/)(void*, const DirectoryEntry&), void*) {
    return fail(Errno::NotDirectory);
  }
  virtual ErrorOr<size_t> readlink(char*, size_t) { return fail(Errno::Invalid); }
  // A link that leads to an inode and not to a path (/proc/self/fd/3). Null: an ordinary link.
  virtual ErrorOr<Ref<Inode>> follow() { return Ref<Inode>(); }
  // The same for open(): /proc/self/fd/1 of a pipe opens that pipe.
  virtual ErrorOr<Ref<File>> follow_open(uint32_t flags);

  virtual ErrorOr<void> set_mode(uint32_t) { return fail(Errno::Perm); }
  virtual ErrorOr<void> set_owner(uint32_t, uint32_t) { return fail(Errno::Perm); }  // ~0: leave as is
  virtual ErrorOr<void> set_times(int64_t /*atime*/, int64_t /*mtime*/) { return fail(Errno::Perm); }  // TimeOmit, TimeNow
  virtual ErrorOr<void> sync(bool /*data_only*/) { return {}; }
  virtual ErrorOr<FileSystemStatus> file_system() { return FileSystemStatus{}; }
  virtual bool read_only() { return false; }
  // Whether a program of it may be more than its caller (MS_NOSUID).
  virtual bool honours_set_id() const { return true; }
  // Whether the caller may do with it what its mode denies.
  virtual bool grants(uint32_t /*access*/) { return false; }
  // Who has a say about its locks beside this instance; null: nobody.
  virtual locks::Authority* lock_authority() { return nullptr; }

  // Where it is, or was before it was removed: its directory, and its name there (at most NameCapacity). Null and ENOENT for one that is
  // nowhere. A file with several names goes by one of them.
  virtual Ref<Inode> parent() { return {}; }
  virtual ErrorOr<size_t> name(char*) { return fail(Errno::NoEntry); }
  // What identifies the file system for EXDEV.
  virtual const void* file_system_identity() const { return nullptr; }

  bool is_mount_point() const { return mount_point_; }
  bool is_mount_root() const { return mount_root_; }
  void set_mount_point() { mount_point_ = true; }
  void set_mount_root() { mount_root_ = true; }
  bool is_removed() const { return removed_; }
  // No new shared mapping of it can be written (memfd_create(2), "File sealing").
  bool is_write_sealed() const { return write_sealed_; }
  void set_write_sealed(bool sealed) { write_sealed_ = sealed; }

 protected:
  explicit Inode(uint32_t type) : type_(type) {}
  void set_removed(bool removed) { removed_ = removed; }

 private:
  uint32_t type_;
  bool mount_point_ = false;
  bool mount_root_ = false;
  bool removed_ = false;
  bool write_sealed_ = false;
};

}  // namespace pl
