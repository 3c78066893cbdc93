// SPDX-License-Identifier: BSD-2-Clause
// Files in the enclave's own memory: what the root, /dev, /tmp and memfds are made of.
#pragma once

#include <cstdint>

#include "base/list.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/tmpfs/page_cache.h"

namespace pl {

class TmpInode;
class TmpDirectory;

// A name in a directory. The directory owns it; it keeps its inode.
struct TmpEntry {
  Ref<TmpInode> inode;
  TmpDirectory* directory;
  TmpEntry* chain;  // same hash bucket
  ListLink<TmpEntry> order;
  uint64_t cookie;  // grows in order of creation
  uint32_t hash;
  uint8_t length;
  char text[];
  std::string_view name() const { return {text, length}; }
  static ErrorOr<TmpEntry*> create(std::string_view name, Ref<TmpInode> inode);
  static void destroy(TmpEntry* entry);
};

class TmpInode : public Inode {
 public:
  TmpInode(uint32_t mode, uint32_t uid, uint32_t gid, uint64_t rdev = 0);
  ErrorOr<Attributes> attributes() override;
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;
  ErrorOr<void> set_mode(uint32_t mode) override;
  ErrorOr<void> set_owner(uint32_t uid, uint32_t gid) override;
  ErrorOr<void> set_times(int64_t atime, int64_t mtime) override;
  ErrorOr<FileSystemStatus> file_system() override;
  Ref<Inode> parent() override;
  ErrorOr<size_t> name(char* out) override;
  const void* file_system_identity() const override { return identity(); }
  static const void* identity();  // one for every tmpfs: an inode with it is a TmpInode

 protected:
  friend class TmpDirectory;
  virtual uint64_t size() const { return 0; }
  virtual uint64_t blocks() const { return 0; }
  void touch_access();  // as relatime does; never for a template's inode, which a look must not copy
  void touch_change(bool content);

  uint64_t number_;
  uint64_t rdev_;
  uint32_t mode_, uid_, gid_;
  uint32_t links_ = 0;
  int64_t atime_, mtime_, ctime_;
  TmpEntry* entry_ = nullptr;  // a name it has
};

class TmpRegular : public TmpInode {
 public:
  TmpRegular(uint32_t mode, uint32_t uid, uint32_t gid) : TmpInode(mode, uid, gid) {}
  // Content that is in memory already: `frames` frames one behind the other, used in place and copied when they are written.
  TmpRegular(uint32_t mode, PhysicalAddress frames, uint64_t bytes)
      : TmpInode(mode, 0, 0), size_(bytes), given_(frames), given_pages_(pages_for(bytes)) {}

  ErrorOr<size_t> read(uint64_t offset, Buffer& to) override;
  ErrorOr<size_t> write(uint64_t offset, Buffer& from) override;
  ErrorOr<void> truncate(uint64_t bytes) override;
  ErrorOr<void> allocate(uint32_t mode, uint64_t offset, uint64_t bytes) override;
  ErrorOr<uint64_t> seek_data(uint64_t offset, bool hole) override;
  ErrorOr<FrameRef> page(uint64_t index, bool shared) override;
  bool in_memory() const override { return true; }
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;

  // memfd_create's seals (fcntl F_ADD_SEALS); ~0: cannot be sealed.
  uint32_t seals = ~uint32_t(0);

 protected:
  uint64_t size() const override { return size_; }
  uint64_t blocks() const override { return pages_.count() * 8; }

 private:
  PhysicalAddress find(uint64_t index) const;
  ErrorOr<FrameRef> own_page(uint64_t index);  // may be written in place
  ErrorOr<void> clear_range(uint64_t offset, uint64_t end);

  PageCache pages_;
  uint64_t size_ = 0;
  PhysicalAddress given_;
  uint64_t given_pages_ = 0;
};

class TmpLink : public TmpInode {
 public:
  static ErrorOr<Ref<TmpInode>> create(std::string_view target, uint32_t uid, uint32_t gid);
  TmpLink(char* text, size_t length, uint32_t uid, uint32_t gid) : TmpInode(0120777, uid, gid), text_(text), length_(length) {}
  ~TmpLink() override { heap_free(text_, length_, 1); }
  ErrorOr<size_t> readlink(char* out, size_t capacity) override;

 protected:
  uint64_t size() const override { return length_; }

 private:
  char* text_;
  size_t length_;
};

// FIFOs; /dev's nodes; sockets' names.
class TmpNode : public TmpInode {
 public:
  TmpNode(uint32_t mode, uint32_t uid, uint32_t gid, uint64_t rdev) : TmpInode(mode, uid, gid, rdev) {}
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;

 private:
  Ref<RefCounted> pipe_;  // of a FIFO that was opened
};

class TmpDirectory : public TmpInode {
 public:
  TmpDirectory(uint32_t mode, uint32_t uid, uint32_t gid);
  ~TmpDirectory() override;
  static ErrorOr<Ref<TmpDirectory>> create_root(uint32_t mode);

  ErrorOr<Ref<Inode>> lookup(std::string_view name) override;
  ErrorOr<Ref<Inode>> create(std::string_view name, uint32_t mode, uint64_t rdev, uint32_t uid, uint32_t gid) override;
  ErrorOr<Ref<Inode>> create_unnamed(uint32_t mode, uint32_t uid, uint32_t gid) override;
  ErrorOr<void> link(std::string_view name, Inode& inode) override;
  ErrorOr<void> unlink(std::string_view name, bool directory) override;
  ErrorOr<void> symlink(std::string_view name, std::string_view target, uint32_t uid, uint32_t gid) override;
  ErrorOr<void> rename(std::string_view name, Inode& new_parent, std::string_view new_name, uint32_t flags) override;
  ErrorOr<bool> list(uint64_t cookie, size_t room, bool (*visit)(void*, const DirectoryEntry&), void* context) override;
  Ref<Inode> parent() override { return former_parent_ ? former_parent_ : TmpInode::parent(); }
  // Puts an inode of any tmpfs under a name.
  ErrorOr<void> insert(std::string_view name, Ref<TmpInode> inode);

 protected:
  uint64_t size() const override { return count_ * 32; }

 private:
  // Buckets: one block of heads while there are few, then a block of blocks; no allocation is larger than a page.
  static constexpr unsigned BlockHeads = PageSize / sizeof(TmpEntry*);
  TmpEntry** bucket(uint32_t hash) const;
  ErrorOr<void> grow_buckets();
  void free_buckets(TmpEntry** top, unsigned buckets);
  TmpEntry* find(std::string_view name) const;
  void attach(TmpEntry* entry);
  void detach(TmpEntry* entry);
  void dropped(TmpInode& inode);
  bool removed() const { return links_ == 0; }

  TmpEntry** top_ = nullptr;
  unsigned buckets_ = 0;
  unsigned count_ = 0;
  uint64_t next_cookie_ = 3;  // 1 and 2 are "." and ".."
  List<TmpEntry, &TmpEntry::order> entries_;
  TmpEntry* hint_ = nullptr;  // where a listing stopped last
  Ref<Inode> former_parent_;  // once it is removed: what ".." still means there
};

}  // namespace pl
