// SPDX-License-Identifier: BSD-2-Clause
#include "fs/open_file.h"

#include <algorithm>
#include <cstring>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/locks.h"
#include "fs/watch.h"
#include "memory/address_space.h"

namespace pl {

size_t File::describe(char* out, size_t capacity) {
  constexpr std::string_view text = "anon_inode:[file]";
  size_t n = std::min(capacity, text.size());
  std::memcpy(out, text.data(), n);
  return n;
}

Attributes anonymous_attributes() {
  Attributes a;
  a.mode = 0600;
  a.inode = 1;
  a.device = make_device(0, 11);
  return a;
}

ErrorOr<size_t> RegularFile::read(Buffer& to) {
  if (!readable()) return fail(Errno::BadDescriptor);
  size_t n = TRY(do_read(offset_, to));
  if (n) offset_ += n;
  if (watches::any()) watches::tell(*inode_, watch_event::Access);
  return n;
}

ErrorOr<void> RegularFile::limit_write(uint64_t offset, Buffer& from) {
  if (from.left() == 0) return {};
  uint64_t limit = std::min(current_file_size_limit(), MaxFileSize);
  if (offset >= limit) {
    if (limit < MaxFileSize) signal_file_size();
    return fail(Errno::FileTooBig);
  }
  from.limit(limit - offset);
  return {};
}

ErrorOr<size_t> RegularFile::write(Buffer& from) {
  if (!writable()) return fail(Errno::BadDescriptor);
  uint64_t at = flags_ & open_flag::Append ? TRY(inode_->attributes()).size : offset_;
  TRY(limit_write(at, from));
  size_t n = TRY(do_write(at, from));
  if (n) offset_ = at + n;
  if (watches::any()) watches::tell(*inode_, watch_event::Modify);
  return n;
}

ErrorOr<size_t> RegularFile::read_at(uint64_t offset, Buffer& to) {
  if (!readable()) return fail(Errno::BadDescriptor);
  size_t n = TRY(do_read(offset, to));
  if (watches::any()) watches::tell(*inode_, watch_event::Access);
  return n;
}

// pwrite(2), BUGS: with O_APPEND data is appended wherever the offset points.
ErrorOr<size_t> RegularFile::write_at(uint64_t offset, Buffer& from) {
  if (!writable()) return fail(Errno::BadDescriptor);
  if (flags_ & open_flag::Append) offset = TRY(inode_->attributes()).size;
  TRY(limit_write(offset, from));
  size_t n = TRY(do_write(offset, from));
  if (watches::any()) watches::tell(*inode_, watch_event::Modify);
  return n;
}

ErrorOr<uint64_t> RegularFile::seek(int64_t offset, int whence) {
  uint64_t base = 0;
  switch (whence) {
    case SeekSet: break;
    case SeekCurrent: base = offset_; break;
    case SeekEnd: base = TRY(inode_->attributes()).size; break;
    case SeekData:
    case SeekHole:
      if (offset < 0) return fail(Errno::NoDeviceAddress);
      return offset_ = TRY(inode_->seek_data(uint64_t(offset), whence == SeekHole));
    default: return fail(Errno::Invalid);
  }
  int64_t target;
  if (__builtin_add_overflow(int64_t(base), offset, &target)) return fail(offset > 0 ? Errno::Overflow : Errno::Invalid);
  if (target < 0) return fail(Errno::Invalid);
  if (target != int64_t(offset_)) offset_ = uint64_t(target);
  return uint64_t(target);
}

ErrorOr<void> RegularFile::truncate(uint64_t bytes) {
  if (!writable()) return fail(Errno::Invalid);
  if (bytes > current_file_size_limit()) {
    signal_file_size();
    return fail(Errno::FileTooBig);
  }
  TRY(do_truncate(bytes));
  if (watches::any()) watches::tell(*inode_, watch_event::Modify);
  return {};
}

ErrorOr<void> RegularFile::allocate(uint32_t mode, uint64_t offset, uint64_t bytes) {
  if (!writable()) return fail(Errno::BadDescriptor);
  if (offset + bytes > current_file_size_limit()) {
    signal_file_size();
    return fail(Errno::FileTooBig);
  }
  return inode_->allocate(mode, offset, bytes);
}

ErrorOr<uint64_t> RegularFile::ioctl(uint32_t command, UserAddress argument) {
  constexpr uint32_t BytesReadable = 0x541b;  // FIONREAD
  if (command != BytesReadable) return fail(Errno::NotTerminal);
  uint64_t size = TRY(inode_->attributes()).size;
  uint64_t left = size > offset_ ? size - offset_ : 0;
  TRY(UserOut<int>{argument}.write(int(std::min<uint64_t>(left, INT32_MAX))));
  return 0;
}

ErrorOr<void> RegularFile::prepare_map(MappingRequest& request) {
  if (!readable()) return fail(Errno::Access);
  if (request.sharing == Sharing::Shared && !writable()) {
    if (request.protection & ProtectionWrite) return fail(Errno::Access);
    request.max_protection &= ~uint32_t(ProtectionWrite);
  }
  request.inode = inode_;
  inode_->touched(Inode::ThroughMapping::Read);
  return {};
}

void RegularFile::descriptor_closed(const void* owner) { locks::release_records(*inode_, owner); }
RegularFile::~RegularFile() {
  locks::release_all(*inode_, this);
  if (watches::any()) watches::tell(*inode_, writable() ? watch_event::CloseWrite : watch_event::CloseNoWrite);
}

// ---- directories ----

void DirectoryFile::descriptor_closed(const void* owner) { locks::release_records(*inode_, owner); }
DirectoryFile::~DirectoryFile() {
  locks::release_all(*inode_, this);
  if (watches::any()) watches::tell(*inode_, watch_event::CloseNoWrite);
}

ErrorOr<uint64_t> DirectoryFile::seek(int64_t offset, int whence) {
  if (whence == SeekCurrent) offset += int64_t(offset_);
  else if (whence != SeekSet) return fail(Errno::Invalid);
  if (offset < 0) return fail(Errno::Invalid);
  offset_ = uint64_t(offset);
  return offset_;
}

namespace {

// getdents64 records, put together in our own memory: a copy to the program may sleep, and the directory change meanwhile.
struct Listing {
  static constexpr size_t Capacity = 4096;
  char* memory;
  size_t capacity;
  size_t used = 0;
  uint64_t position;  // behind the last record
  bool full = false;

  bool add(uint64_t inode, uint64_t next, uint8_t type, std::string_view name) {
    size_t record = round_up(19 + name.size() + 1, 8);
    if (record > capacity - used) {
      full = true;
      return false;
    }
    char* at = memory + used;
    uint16_t length = uint16_t(record);
    std::memset(at, 0, record);
    std::memcpy(at, &inode, 8);
    std::memcpy(at + 8, &next, 8);
    std::memcpy(at + 16, &length, 2);
    at[18] = char(type);
    std::memcpy(at + 19, name.data(), name.size());
    used += record;
    position = next;
    return true;
  }
};

}  // namespace

ErrorOr<size_t> DirectoryFile::list(Buffer& to) {
  struct Memory {
    char* text = static_cast<char*>(heap_allocate(Listing::Capacity, 8));
    ~Memory() { if (text) heap_free(text, Listing::Capacity, 8); }
  } memory;
  if (!memory.text) return fail(Errno::NoMemory);
  if (watches::any()) watches::tell(*inode_, watch_event::Access);
  size_t total = 0;
  for (;;) {
    // What is left has no room for a long name: the program asks again.
    constexpr size_t Little = 512;
    if (total && to.left() < Little) return total;
    Listing listing{memory.text, std::min(Listing::Capacity, to.left()), 0, offset_, false};
    if (listing.position == 0) listing.add(TRY(inode_->attributes()).inode, 1, 4, ".");
    if (listing.position == 1 && !listing.full) {
      Ref<Inode> parent = inode_->parent();
      listing.add(TRY((parent ? parent : inode_)->attributes()).inode, 2, 4, "..");
    }
    bool ended = false;
    if (listing.position >= 2 && !listing.full) {
      ended = TRY(inode_->list(listing.position - 2, listing.capacity - listing.used, [](void* context, const DirectoryEntry& e) {
        return static_cast<Listing*>(context)->add(e.inode, e.cookie + 2, e.type, e.name);
      }, &listing));
    }
    if (listing.used == 0) {
      if (ended || total) return total;
      return fail(Errno::Invalid);  // no room for one record
    }
    if (auto moved = to.put(listing.memory, listing.used); !moved) {
      if (total) return total;
      return fail(moved.error());
    }
    offset_ = listing.position;
    total += listing.used;
    if (ended) return total;
  }
}

}  // namespace pl
