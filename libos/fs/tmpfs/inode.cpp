// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cstring>

#include "base/hot.h"
#include "fs/abi.h"
#include "fs/context.h"
#include "fs/device.h"
#include "fs/open_file.h"
#include "fs/pipe.h"
#include "fs/tmpfs/tmpfs.h"
#include "memory/frame_allocator.h"

namespace pl {

namespace {
PL_HOT constinit uint64_t next_number = 1;
constexpr int64_t Day = 86400ll * 1'000'000'000;
}  // namespace

TmpInode::TmpInode(uint32_t mode, uint32_t uid, uint32_t gid, uint64_t rdev)
    : Inode(mode & file_mode::Type), number_(next_number++), rdev_(rdev), mode_(mode), uid_(uid), gid_(gid) {
  atime_ = mtime_ = ctime_ = realtime_nanoseconds();
}

TmpInode::TmpInode(const LowerNode& node, uint64_t number)
    : Inode(node.mode & file_mode::Type), number_(number_of(number)), rdev_(node.rdev), mode_(node.mode), uid_(node.uid), gid_(node.gid),
      links_(node.links), linkable_(false), atime_(node.mtime), mtime_(node.mtime), ctime_(node.mtime) {}

ErrorOr<Attributes> TmpInode::attributes() {
  Attributes a;
  a.inode = number_;
  a.size = size();
  a.blocks = blocks();
  a.device = make_device(0, 1 + unsigned(file_system_));
  a.rdev = rdev_;
  a.mode = mode_;
  a.links = links_;
  a.uid = uid_;
  a.gid = gid_;
  a.atime = atime_;
  a.mtime = mtime_;
  a.ctime = ctime_;
  return a;
}

void TmpInode::touch_access() {
  if (is_frozen(this)) return;
  int64_t now = realtime_nanoseconds();
  if (atime_ <= mtime_ || now - atime_ >= Day) atime_ = now;
}

void TmpInode::touch_change(bool content) {
  ctime_ = realtime_nanoseconds();
  if (content) mtime_ = ctime_;
}

ErrorOr<void> TmpInode::set_mode(uint32_t mode) {
  mode_ = (mode_ & file_mode::Type) | (mode & file_mode::Permissions);
  touch_change(false);
  return {};
}

ErrorOr<void> TmpInode::set_owner(uint32_t uid, uint32_t gid) {
  if (uid != ~0u) uid_ = uid;
  if (gid != ~0u) gid_ = gid;
  touch_change(false);
  return {};
}

ErrorOr<void> TmpInode::set_times(int64_t atime, int64_t mtime) {
  int64_t now = realtime_nanoseconds();
  if (atime != TimeOmit) atime_ = atime == TimeNow ? now : atime;
  if (mtime != TimeOmit) mtime_ = mtime == TimeNow ? now : mtime;
  ctime_ = now;
  return {};
}

ErrorOr<FileSystemStatus> TmpInode::file_system() {
  FileSystemStatus s;
  s.type = 0x01021994;  // TMPFS_MAGIC
  // As large as the instance's memory may become; a file takes at least a page of it or so.
  auto totals = frames::totals();
  s.blocks = s.files = totals.all() / s.block_size;
  s.free = s.available = s.files_free = totals.available() / s.block_size;
  return s;
}

// ---- names ----

void TmpInode::remember(TmpEntry* name, TmpDirectory* directory) {
  if (directory) directory->ref();
  name->directory = directory;
  entry_ = name;
  set_removed(true);
}

ErrorOr<void> TmpInode::remember(std::string_view name, TmpDirectory* directory) {
  file_system_ = directory ? directory->file_system_ : FileSystem::Memory;
  remember(TRY(TmpEntry::create(name, nullptr)), directory);
  return {};
}

void TmpInode::forget_name() {
  if (!is_removed()) return;
  set_removed(false);
  TmpEntry* entry = std::exchange(entry_, nullptr);
  while (entry) {
    TmpDirectory* directory = entry->directory;
    TmpEntry::destroy(entry);
    if (!directory) return;
    // Not by recursion: there may be many removed directories one below the other.
    const bool last = directory->references() == 1 && directory->is_removed() && !is_frozen(directory);
    entry = last ? std::exchange(directory->entry_, nullptr) : nullptr;
    directory->unref();
  }
}

Ref<Inode> TmpInode::parent() { return entry_ ? Ref<Inode>(entry_->directory) : Ref<Inode>(); }

ErrorOr<size_t> TmpInode::name(char* out) {
  if (!entry_) return fail(Errno::NoEntry);
  std::memcpy(out, entry_->text, entry_->length);
  return entry_->length;
}

constinit const char TmpInode::identities[3] = {};

ErrorOr<Ref<File>> TmpInode::open(Ref<Inode> self, uint32_t flags) {
  if (!is_directory()) return fail(Errno::NoDeviceAddress);
  return Ref<File>(TRY(make<DirectoryFile>(std::move(self), flags)));
}

// ---- symbolic links ----

ErrorOr<Ref<TmpInode>> TmpLink::create(std::string_view target, uint32_t uid, uint32_t gid) {
  auto text = static_cast<char*>(heap_allocate(target.size(), 1));
  if (!text) return fail(Errno::NoMemory);
  std::memcpy(text, target.data(), target.size());
  auto link = make<TmpLink>(text, target.size(), uid, gid);
  if (!link) {
    heap_free(text, target.size(), 1);
    return fail(link.error());
  }
  return Ref<TmpInode>(*std::move(link));
}

ErrorOr<Ref<TmpInode>> TmpLink::create(const LowerNode& node, const Lower& lower) {
  if (node.size == 0 || node.size >= MaxPath) return fail(Errno::Io);
  auto text = static_cast<char*>(heap_allocate(node.size, 1));
  if (!text) return fail(Errno::NoMemory);
  Guard undo([&] { heap_free(text, node.size, 1); });
  if (TRY(lower.files->readlink(lower.number, text, node.size)) != node.size) return fail(Errno::Io);
  auto link = TRY(make<TmpLink>(text, node, lower.number));
  undo.disarm();
  return Ref<TmpInode>(std::move(link));
}

ErrorOr<size_t> TmpLink::readlink(char* out, size_t capacity) {
  size_t n = std::min(capacity, length_);
  std::memcpy(out, text_, n);
  return n;
}

// ---- nodes ----

ErrorOr<Ref<File>> TmpNode::open(Ref<Inode> self, uint32_t flags) {
  switch (type()) {
    case file_mode::Character: return open_device(std::move(self), rdev_, flags);
    case file_mode::Fifo: {
      if (!pipe_) pipe_ = TRY(Pipe::create());
      Ref<Pipe> pipe(static_cast<Pipe*>(pipe_.get()));
      return open_fifo(std::move(self), std::move(pipe), flags);
    }
    default: return fail(Errno::NoDeviceAddress);
  }
}

}  // namespace pl
