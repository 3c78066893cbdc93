// SPDX-License-Identifier: BSD-2-Clause
// Open file descriptions on inodes: regular files, directories, and those that are only a place (O_PATH).
#pragma once

#include "fs/file.h"
#include "fs/inode.h"

namespace pl {

class RegularFile : public File {
 public:
  RegularFile(Ref<Inode> inode, uint32_t flags) : File(flags), inode_(std::move(inode)) {}
  ErrorOr<size_t> read(Buffer& to) override;
  ErrorOr<size_t> write(Buffer& from) override;
  ErrorOr<size_t> read_at(uint64_t offset, Buffer& to) override;
  ErrorOr<size_t> write_at(uint64_t offset, Buffer& from) override;
  ErrorOr<uint64_t> seek(int64_t offset, int whence) override;
  ErrorOr<void> truncate(uint64_t bytes) override;
  ErrorOr<void> allocate(uint32_t mode, uint64_t offset, uint64_t bytes) override;
  ErrorOr<void> sync(bool data_only) override { return inode_->sync(data_only); }
  ErrorOr<Attributes> attributes() override { return inode_->attributes(); }
  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override;
  ErrorOr<void> prepare_map(MappingRequest& request) override;
  Ref<Inode> inode() override { return inode_; }
  void descriptor_closed(const void* owner) override;
  ~RegularFile() override;

 protected:
  // What the description does to the inode; the host's files have a handle each.
  virtual ErrorOr<size_t> do_read(uint64_t offset, Buffer& to) { return inode_->read(offset, to); }
  virtual ErrorOr<size_t> do_write(uint64_t offset, Buffer& from) { return inode_->write(offset, from); }
  virtual ErrorOr<void> do_truncate(uint64_t bytes) { return inode_->truncate(bytes); }
  // Checks against RLIMIT_FSIZE: limits `from`, or EFBIG with SIGXFSZ.
  ErrorOr<void> limit_write(uint64_t offset, Buffer& from);

  Ref<Inode> inode_;
  uint64_t offset_ = 0;
};

class DirectoryFile : public File {
 public:
  DirectoryFile(Ref<Inode> inode, uint32_t flags) : File(flags), inode_(std::move(inode)) {}
  ErrorOr<size_t> read(Buffer&) override { return fail(Errno::IsDirectory); }
  ErrorOr<size_t> read_at(uint64_t, Buffer&) override { return fail(Errno::IsDirectory); }
  ErrorOr<size_t> write(Buffer&) override { return fail(Errno::BadDescriptor); }
  ErrorOr<uint64_t> seek(int64_t offset, int whence) override;
  ErrorOr<size_t> list(Buffer& to) override;
  ErrorOr<void> sync(bool data_only) override { return inode_->sync(data_only); }
  ErrorOr<Attributes> attributes() override { return inode_->attributes(); }
  Ref<Inode> inode() override { return inode_; }
  void descriptor_closed(const void* owner) override;
  ~DirectoryFile() override;

 private:
  Ref<Inode> inode_;
  uint64_t offset_ = 0;  // 0 before ".", 1 before "..", then 2 + the inode's cookie
};

// O_PATH: names a place and does nothing else (open(2)).
class PathFile : public File {
 public:
  PathFile(Ref<Inode> inode, uint32_t flags) : File(flags), inode_(std::move(inode)) {}
  ErrorOr<size_t> read(Buffer&) override { return fail(Errno::BadDescriptor); }
  ErrorOr<size_t> write(Buffer&) override { return fail(Errno::BadDescriptor); }
  ErrorOr<size_t> read_at(uint64_t, Buffer&) override { return fail(Errno::BadDescriptor); }
  ErrorOr<size_t> write_at(uint64_t, Buffer&) override { return fail(Errno::BadDescriptor); }
  ErrorOr<uint64_t> seek(int64_t, int) override { return fail(Errno::BadDescriptor); }
  ErrorOr<uint64_t> ioctl(uint32_t, UserAddress) override { return fail(Errno::BadDescriptor); }
  ErrorOr<void> truncate(uint64_t) override { return fail(Errno::BadDescriptor); }
  ErrorOr<void> allocate(uint32_t, uint64_t, uint64_t) override { return fail(Errno::BadDescriptor); }
  ErrorOr<size_t> list(Buffer&) override { return fail(Errno::BadDescriptor); }
  ErrorOr<void> sync(bool) override { return fail(Errno::BadDescriptor); }
  ErrorOr<void> prepare_map(MappingRequest&) override { return fail(Errno::BadDescriptor); }
  ErrorOr<Attributes> attributes() override { return inode_->attributes(); }
  uint32_t poll(PollTable*) override { return 0x20; }
  Ref<Inode> inode() override { return inode_; }

 private:
  Ref<Inode> inode_;
};

}  // namespace pl
