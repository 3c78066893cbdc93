// SPDX-License-Identifier: BSD-2-Clause
// Files in the enclave's own memory: what the root, /dev, /tmp and memfds are made of.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/list.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/tmpfs/lower.h"
#include "fs/tmpfs/page_cache.h"

namespace pl {

class TmpInode;
class TmpDirectory;

// A name in a directory. The directory owns it; it keeps its inode. The last name of a removed inode is the inode's.
struct TmpEntry {
  Ref<TmpInode> inode;  // null: what is below has the name, and it is gone; or it is a removed inode's
  TmpDirectory* directory;  // kept by a removed inode's; null: it never was in one
  TmpEntry* chain;  // same hash bucket
  ListLink<TmpEntry> order;
  uint64_t cookie;  // grows in order of creation
  uint32_t hash;
  uint8_t length;
  bool is_below;  // the directory below has this name too
  alignas(uint64_t) char text[];  // and zeroes, up to a whole word
  uint64_t& word(size_t at) { return reinterpret_cast<uint64_t*>(text)[at / sizeof(uint64_t)]; }
  uint64_t word(size_t at) const { return reinterpret_cast<const uint64_t*>(text)[at / sizeof(uint64_t)]; }
  std::string_view name() const { return {text, length}; }
  static ErrorOr<TmpEntry*> create(std::string_view name, Ref<TmpInode> inode);
  static void destroy(TmpEntry* entry);
};

class TmpInode : public Inode {
 public:
  TmpInode(uint32_t mode, uint32_t uid, uint32_t gid, uint64_t rdev = 0);
  // What was below until now.
  TmpInode(const LowerNode& node, uint64_t number);
  ~TmpInode() override { forget_name(); }
  ErrorOr<Attributes> attributes() override;
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;
  ErrorOr<void> set_mode(uint32_t mode) override;
  ErrorOr<void> set_owner(uint32_t uid, uint32_t gid) override;
  ErrorOr<void> set_times(int64_t atime, int64_t mtime) override;
  ErrorOr<FileSystemStatus> file_system() override;
  Ref<Inode> parent() override;
  ErrorOr<size_t> name(char* out) override;
  const void* file_system_identity() const override { return &identities[unsigned(file_system_)]; }
  // What the files of one may be linked and moved within. Memory: of files that never have a name (memfd_create(2)).
  enum class FileSystem : uint8_t { Root, Devices, Memory };
  static bool is(const Inode& inode) { return uintptr_t(inode.file_system_identity()) - uintptr_t(identities) < sizeof identities; }
  // The inode that stands for a node below: the same as before for a file that has several names.
  static ErrorOr<Ref<TmpInode>> of(const Lower& lower);
  static uint64_t number_of(uint64_t lower_number) { return LowerNumbers | lower_number; }
  // As if it had been called so, in `directory` or nowhere, and been removed.
  ErrorOr<void> remember(std::string_view name, TmpDirectory* directory);

 protected:
  friend class TmpDirectory;
  static constexpr uint64_t LowerNumbers = uint64_t(1) << 48;
  static const char identities[3];
  virtual uint64_t size() const { return 0; }
  virtual uint64_t blocks() const { return 0; }
  void touch_access();  // as relatime does; never for a template's inode, which a look must not copy
  void touch_change(bool content);
  void remember(TmpEntry* name, TmpDirectory* directory);
  void forget_name();
  void go_by(TmpEntry* name) {
    forget_name();
    entry_ = name;
  }

  uint64_t number_;
  uint64_t rdev_;
  uint32_t mode_, uid_, gid_;
  uint32_t links_ = 0;
  bool linkable_ = true;  // may have a first name
  FileSystem file_system_ = FileSystem::Root;
  int64_t atime_, mtime_, ctime_;
  TmpEntry* entry_ = nullptr;  // a name it has, or (is_removed()) the one that it went by last
};

class TmpRegular : public TmpInode {
 public:
  TmpRegular(uint32_t mode, uint32_t uid, uint32_t gid) : TmpInode(mode, uid, gid) {}
  void touched(ThroughMapping how) override { how == ThroughMapping::Written ? touch_change(true) : touch_access(); }
  // Content that is in memory already: `frames` frames one behind the other, used in place and copied when they are written.
  TmpRegular(uint32_t mode, PhysicalAddress frames, uint64_t bytes)
      : TmpInode(mode, 0, 0), size_(bytes), given_(frames), given_pages_(pages_for(bytes)) {}
  // Content that is below.
  TmpRegular(const LowerNode& node, const Lower& lower)
      : TmpInode(node, lower.number), size_(node.size), lower_(lower), first_block_(node.first_block), whole_blocks_(node.whole_blocks),
        given_pages_(pages_for(node.size)) {}

  ErrorOr<size_t> read(uint64_t offset, Buffer& to) override;
  ErrorOr<size_t> write(uint64_t offset, Buffer& from) override;
  ErrorOr<void> truncate(uint64_t bytes) override;
  ErrorOr<void> allocate(uint32_t mode, uint64_t offset, uint64_t bytes) override;
  ErrorOr<uint64_t> seek_data(uint64_t offset, bool hole) override;
  ErrorOr<FrameRef> page(uint64_t index, bool shared) override;
  FrameRef page_in_memory(uint64_t index) override;
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;

  // memfd_create's seals (fcntl F_ADD_SEALS); ~0: cannot be sealed.
  uint32_t seals = ~uint32_t(0);

 protected:
  uint64_t size() const override { return size_; }
  uint64_t blocks() const override { return (lower_ ? std::max(pages_.count(), given_pages_) : pages_.count()) * 8; }

 private:
  void drop_set_id();  // what a write takes from a program (inode(7))
  bool is_hole(uint64_t index) const { return index >= given_pages_ && !pages_.find(index); }
  ErrorOr<FrameRef> look(uint64_t index);      // null: a hole
  ErrorOr<FrameRef> own_page(uint64_t index);  // may be written in place
  ErrorOr<void> clear_range(uint64_t offset, uint64_t end);

  PageCache pages_;  // hide what was given
  uint64_t size_ = 0;
  PhysicalAddress given_;
  Lower lower_;
  uint64_t first_block_ = 0, whole_blocks_ = 0;  // of `lower_`
  uint64_t given_pages_ = 0;  // of either
};

class TmpLink : public TmpInode {
 public:
  static ErrorOr<Ref<TmpInode>> create(std::string_view target, uint32_t uid, uint32_t gid);
  static ErrorOr<Ref<TmpInode>> create(const LowerNode& node, const Lower& lower);
  TmpLink(char* text, size_t length, uint32_t uid, uint32_t gid) : TmpInode(0120777, uid, gid), text_(text), length_(length) {}
  TmpLink(char* text, const LowerNode& node, uint64_t number) : TmpInode(node, number), text_(text), length_(node.size) {}
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
  TmpNode(const LowerNode& node, const Lower& lower) : TmpInode(node, lower.number) {}
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;

 private:
  Ref<RefCounted> pipe_;  // of a FIFO that was opened
};

class TmpDirectory : public TmpInode {
 public:
  TmpDirectory(uint32_t mode, uint32_t uid, uint32_t gid);
  // Names that were below until now, and stay there until they are looked at.
  TmpDirectory(const LowerNode& node, const Lower& lower);
  ~TmpDirectory() override;
  static ErrorOr<Ref<TmpDirectory>> create_root(uint32_t mode, FileSystem file_system = FileSystem::Root);
  // Of what finds names: before there is any.
  static void choose_secret();

  ErrorOr<Ref<Inode>> lookup(std::string_view name) override;
  bool answers_from_memory(std::string_view name) override { return !lower_ || name.empty() || find(name); }
  ErrorOr<Ref<Inode>> create(std::string_view name, uint32_t mode, uint64_t rdev, uint32_t uid, uint32_t gid) override;
  ErrorOr<Ref<Inode>> create_unnamed(uint32_t mode, uint32_t uid, uint32_t gid, Linkable linkable) override;
  ErrorOr<void> link(std::string_view name, Inode& inode) override;
  ErrorOr<void> unlink(std::string_view name, bool directory) override;
  ErrorOr<void> symlink(std::string_view name, std::string_view target, uint32_t uid, uint32_t gid) override;
  ErrorOr<void> rename(std::string_view name, Inode& new_parent, std::string_view new_name, uint32_t flags) override;
  ErrorOr<bool> list(uint64_t cookie, size_t room, bool (*visit)(void*, const DirectoryEntry&), void* context) override;
  // Puts an inode of any tmpfs under a name.
  ErrorOr<void> insert(std::string_view name, Ref<TmpInode> inode);

 protected:
  uint64_t size() const override { return lower_size_ + own_count_ * 32; }

 private:
  // Buckets: one block of heads while there are few, then a block of blocks; no allocation is larger than a page.
  static constexpr unsigned BlockHeads = PageSize / sizeof(TmpEntry*);
  TmpEntry** bucket(uint32_t hash) const;
  ErrorOr<void> make_buckets();
  ErrorOr<void> grow_buckets();
  void free_buckets(TmpEntry** top, unsigned buckets);
  // The entry of a name in memory; the same after a look below. Null: there is none. One without an inode hides the name.
  TmpEntry* find(std::string_view name) const;
  ErrorOr<TmpEntry*> see(std::string_view name);
  ErrorOr<bool> is_empty();
  void hook(TmpEntry* entry);
  void unhook(TmpEntry* entry);
  void attach(TmpEntry* entry);   // a new name: counts as a link
  // The name is gone, and the entry (with no inode) the caller's; null: it stays here and hides what is below.
  TmpEntry* detach(TmpEntry* entry);
  ErrorOr<void> drop(TmpEntry* entry);
  void replace_hidden(TmpEntry* by);
  void count(const TmpEntry& entry, int change);
  void count_link(TmpInode& inode, int change);

  TmpEntry** top_ = nullptr;
  unsigned buckets_ = 0;
  unsigned hooked_ = 0;     // entries
  unsigned count_ = 0;      // of them with an inode
  unsigned own_count_ = 0;  // of these not below
  uint64_t next_cookie_ = 3;  // 1 and 2 are "." and ".."
  List<TmpEntry, &TmpEntry::order> entries_;
  TmpEntry* hint_ = nullptr;  // where a listing stopped last
  Lower lower_;
  uint64_t lower_size_ = 0;
};

}  // namespace pl
