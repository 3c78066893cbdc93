// SPDX-License-Identifier: BSD-2-Clause
// A directory of the host, seen through ocalls (-v HOST:GUEST). Nothing of it is trusted, and nothing is remembered beyond the moment the
// host said it: an inode here is a handle or a name below another inode.
#pragma once

#include "base/list.h"
#include "fs/host/host_locks.h"
#include "fs/inode.h"
#include "fs/open_file.h"
#include "ocall/operations.h"

namespace pl {

class HostInode : public Inode {
 public:
  HostInode(uint32_t type, uint32_t mount, uint32_t mount_flags, Ref<HostInode> parent, char* name, uint8_t name_length);
  ~HostInode() override;

  ErrorOr<Attributes> attributes() override;
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;
  bool truncates_on_open() const override { return true; }
  ErrorOr<size_t> read(uint64_t offset, Buffer& to) override;
  ErrorOr<void> truncate(uint64_t bytes) override;
  ErrorOr<uint64_t> seek_data(uint64_t offset, bool hole) override;
  ErrorOr<FrameRef> page(uint64_t index, bool shared) override;

  ErrorOr<Ref<Inode>> lookup(std::string_view name) override;
  ErrorOr<Ref<Inode>> lookup_on_the_way(std::string_view name) override;
  bool answers_from_memory(std::string_view) override { return false; }
  ErrorOr<Ref<File>> open_existing(std::string_view name, uint32_t flags) override;
  ErrorOr<Ref<Inode>> create(std::string_view name, uint32_t mode, uint64_t rdev, uint32_t uid, uint32_t gid) override;
  ErrorOr<void> link(std::string_view name, Inode& inode) override;
  ErrorOr<void> unlink(std::string_view name, bool directory) override;
  ErrorOr<void> symlink(std::string_view name, std::string_view target, uint32_t uid, uint32_t gid) override;
  ErrorOr<void> rename(std::string_view name, Inode& new_parent, std::string_view new_name, uint32_t flags) override;
  ErrorOr<bool> list(uint64_t cookie, size_t room, bool (*visit)(void*, const DirectoryEntry&), void* context) override;
  ErrorOr<size_t> readlink(char* out, size_t capacity) override;

  ErrorOr<void> set_mode(uint32_t mode) override;
  ErrorOr<void> set_owner(uint32_t uid, uint32_t gid) override;
  ErrorOr<void> set_times(int64_t atime, int64_t mtime) override;
  ErrorOr<void> sync(bool data_only) override;
  ErrorOr<FileSystemStatus> file_system() override;
  bool read_only() override { return mount_flags_ & 1; }
  // The host says who owns its files, and may say anything.
  bool honours_set_id() const override { return false; }
  Ref<Inode> parent() override { return Ref<Inode>(parent_ ? parent_ : former_parent_); }
  ErrorOr<size_t> name(char* out) override;
  const void* file_system_identity() const override;
  locks::Authority* lock_authority() override { return &locks_; }
  ErrorOr<locks::Authority*> lock_authority(locks::Kind kind, const Ref<HostHandle>& handle, bool writable);
  // Of a directory, which is opened once for all.
  ErrorOr<locks::Authority*> lock_authority(locks::Kind kind);

  // Mappings of a description go on reading through its handle, whatever its name means later.
  void map_through(Ref<HostHandle> handle) { mapped_ = std::move(handle); }
  void set_root_handle(Ref<HostHandle> handle) { handle_ = std::move(handle); }
  // The host had no chance to change it since it said so.
  bool is_news() const { return seen_ && last_seen_ == ocall::exchanges(); }
  // What the host just said about it; EIO when the type is another.
  ErrorOr<void> note(const Attributes& attributes);

 private:
  std::string_view own_name() const { return {name_, name_length_}; }
  bool is_root() const { return !parent_ && !name_; }
  ErrorOr<uint32_t> handle();  // to look into a directory or read a file; opened when it is first needed
  ErrorOr<Ref<HostHandle>> open_handle(uint32_t flags);
  HostInode* find_child(std::string_view name);
  void orphan(HostInode& child);
  ErrorOr<Ref<HostInode>> child(std::string_view name, const Attributes& attributes);
  ErrorOr<void> rename_to(HostInode& parent, std::string_view name);

  uint32_t mount_, mount_flags_;
  Ref<HostInode> parent_;  // null: a root, or one whose name is gone
  Ref<HostInode> former_parent_;  // of one whose name is gone
  char* name_;
  uint8_t name_length_;
  Ref<HostHandle> handle_;
  Ref<HostHandle> created_;  // of a file that was just made: its first open takes it
  Ref<HostHandle> mapped_;
  HostLocks locks_;
  Attributes last_;
  uint32_t last_seen_ = 0;  // ocall::exchanges() when the host said so
  bool seen_ = false;
  uint64_t seen_at_ = 0;    // ticks
  ListLink<HostInode> sibling_;
  List<HostInode, &HostInode::sibling_> children_;  // those alive
};

// The root of the mount behind a fixed handle.
ErrorOr<Ref<Inode>> create_host_root(uint32_t handle, uint32_t type, uint32_t mount_flags);
// Directories that were walked through lately are kept open; before a freeze none may be.
void forget_host_directories();

class HostDirectory : public DirectoryFile {
 public:
  HostDirectory(Ref<HostInode> inode, uint32_t flags) : DirectoryFile(Ref<Inode>(inode), flags), host_(std::move(inode)) {}
  ErrorOr<locks::Authority*> lock_authority(locks::Kind kind) override { return host_->lock_authority(kind); }

 private:
  Ref<HostInode> host_;
};

class HostFile : public RegularFile {
 public:
  HostFile(Ref<HostInode> inode, Ref<HostHandle> handle, uint32_t flags)
      : RegularFile(Ref<Inode>(inode), flags), host_(std::move(inode)), handle_(std::move(handle)) {}
  ErrorOr<void> allocate(uint32_t mode, uint64_t offset, uint64_t bytes) override;
  ErrorOr<void> sync(bool data_only) override { return ocall::synchronize(handle_->number(), data_only); }
  bool may_bypass_cache() override { return true; }
  ErrorOr<Attributes> attributes() override;
  ErrorOr<void> prepare_map(MappingRequest& request) override;
  ErrorOr<locks::Authority*> lock_authority(locks::Kind kind) override { return host_->lock_authority(kind, handle_, writable()); }

 protected:
  ErrorOr<size_t> do_read(uint64_t offset, Buffer& to) override { return ocall::read_at(handle_->number(), offset, to); }
  ErrorOr<size_t> do_write(uint64_t offset, Buffer& from) override { return ocall::write_at(handle_->number(), offset, from); }
  ErrorOr<void> do_truncate(uint64_t bytes) override { return ocall::truncate(handle_->number(), bytes); }

 private:
  Ref<HostInode> host_;
  Ref<HostHandle> handle_;
};

}  // namespace pl
