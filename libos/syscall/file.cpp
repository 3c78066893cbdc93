// SPDX-License-Identifier: BSD-2-Clause
// open, close, read, write, lseek and their variants.
#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/path.h"
#include "syscall/restart.h"
#include "syscall/table.h"
#include "syscall/vectors.h"

namespace pl {

Vectors::~Vectors() {
  if (pieces_ != few_) heap_free(pieces_, capacity_ * sizeof(Buffer::Piece), alignof(Buffer::Piece));
}

ErrorOr<void> Vectors::read(UserIn<IoVector> from, int count) {
  if (count < 0 || count > Maximum) return fail(Errno::Invalid);
  if (count > Few) {
    void* memory = heap_allocate(size_t(count) * sizeof(Buffer::Piece), alignof(Buffer::Piece));
    if (!memory) return fail(Errno::NoMemory);
    pieces_ = static_cast<Buffer::Piece*>(memory);
    capacity_ = size_t(count);
  }
  // readv(2): a length that is negative as ssize_t is EINVAL; what is beyond one transfer is cut.
  uint64_t total = 0;
  for (int i = 0; i < count; i++) {
    IoVector v = TRY(from.read(size_t(i)));
    if (int64_t(v.bytes) < 0) return fail(Errno::Invalid);
    if (v.bytes > MaxTransfer - total) v.bytes = MaxTransfer - total;
    total += v.bytes;
    pieces_[used_++] = {UserAddress(v.address), v.bytes};
  }
  return {};
}

namespace {

Buffer user_buffer(UserAddress address, size_t bytes) { return Buffer::user(address, bytes < MaxTransfer ? bytes : MaxTransfer); }

// What every write does with its result: a broken pipe is a signal too.
Result wrote(File& file, ErrorOr<size_t> result) {
  if (!result && result.error() == Errno::BrokenPipe && file.signals_broken_pipe()) signal_broken_pipe();
  return restartable<uint64_t>(result);
}

Result read_from(int descriptor, Buffer buffer) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  return restartable<uint64_t>(file->read(buffer));
}

Result write_to(int descriptor, Buffer buffer) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  return wrote(*file, file->write(buffer));
}

Result read_from_at(int descriptor, Buffer buffer, int64_t offset) {
  if (offset < 0) return fail(Errno::Invalid);
  return restartable<uint64_t>(TRY(current_descriptors().get(descriptor))->read_at(uint64_t(offset), buffer));
}

Result write_to_at(int descriptor, Buffer buffer, int64_t offset) {
  if (offset < 0) return fail(Errno::Invalid);
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  return wrote(*file, file->write_at(uint64_t(offset), buffer));
}

constexpr uint32_t PathFlags = open_flag::Path | open_flag::Directory | open_flag::NoFollow | open_flag::CloseOnExec;

// Flags that open() has ignored since ever are ignored; openat2() refuses them.
Result do_open(int directory, std::string_view path, uint32_t flags, uint32_t mode) {
  if (flags & open_flag::Path) flags &= PathFlags | open_flag::Resolve;
  if ((flags & open_flag::AccessMode) == 3) flags = (flags & ~open_flag::AccessMode) | open_flag::ReadWrite;
  Ref<Inode> base;
  if (path.empty()) return fail(Errno::NoEntry);
  if (path[0] != '/') base = TRY(base_directory(directory));
  Ref<File> file = TRY(restartable(open_path(base, path, flags & ~open_flag::LargeFile, mode)));
  return uint64_t(TRY(current_descriptors().install(std::move(file), flags & open_flag::CloseOnExec ? OnExec::Close : OnExec::Keep)));
}

}  // namespace

Result sys_openat(int directory, UserAddress path, uint32_t flags, uint32_t mode) {
  PathName name;
  TRY(name.read(path));
  return do_open(directory, name.view(), uint32_t(flags & accepted::openat_flags), mode);
}

Result sys_openat2(int directory, UserAddress path, UserAddress how, size_t size) {
  struct How { uint64_t flags, mode, resolve; } h{};
  if (size < sizeof h) return fail(Errno::Invalid);
  if (size > PageSize) return fail(Errno::TooBig);
  TRY(copy_from_user(&h, how, sizeof h));
  for (size_t i = sizeof h; i < size; i++) {
    uint8_t more;
    TRY(copy_from_user(&more, how + i, 1));
    if (more) return fail(Errno::TooBig);
  }
  if (h.flags & ~accepted::openat_flags || h.mode & ~uint64_t(file_mode::Permissions)) return fail(Errno::Invalid);
  using namespace resolve_flag;
  if (h.resolve & ~accepted::openat2_resolve || (h.resolve & Scoped) == Scoped) return fail(Errno::Invalid);
  if (h.mode && !(h.flags & (open_flag::Create | open_flag::TemporaryBit))) return fail(Errno::Invalid);
  if (h.flags & open_flag::Path && h.flags & ~uint64_t(PathFlags)) return fail(Errno::Invalid);
  if (h.resolve & Cached && h.flags & (open_flag::Truncate | open_flag::Create | open_flag::TemporaryBit)) return fail(Errno::Again);
  PathName name;
  TRY(name.read(path));
  std::string_view view = name.view();
  if (view.starts_with('/')) {
    if (h.resolve & Beneath) return fail(Errno::CrossDevice);
    if (h.resolve & InRoot) {
      while (view.starts_with('/')) view.remove_prefix(1);
      if (view.empty()) view = ".";
    }
  }
  return do_open(directory, view, uint32_t(h.flags | h.resolve << open_flag::ResolveShift), uint32_t(h.mode));
}

Result sys_close(int descriptor) {
  TRY(current_descriptors().close(descriptor));
  return 0;
}

Result sys_close_range(uint32_t first, uint32_t last, uint32_t flags) {
  constexpr uint32_t CloseOnExec = 4;
  if (flags & ~accepted::close_range_flags || first > last) return fail(Errno::Invalid);
  if (first > INT32_MAX) return 0;
  if (flags & CloseOnExec) current_descriptors().mark_close_on_exec(first, last);
  else current_descriptors().close_range(first, last);
  return 0;
}

Result sys_lseek(int descriptor, int64_t offset, int whence) {
  Ref<File> file = TRY(current_descriptors().get_open(descriptor));
  if (whence < 0 || whence > 4) return fail(Errno::Invalid);
  return file->seek(offset, whence);
}

Result sys_read(int descriptor, UserAddress buffer, size_t bytes) { return read_from(descriptor, user_buffer(buffer, bytes)); }
Result sys_write(int descriptor, UserAddress buffer, size_t bytes) { return write_to(descriptor, user_buffer(buffer, bytes)); }

Result sys_readv(int descriptor, UserIn<IoVector> vectors, int count) {
  Vectors v;
  TRY(v.read(vectors, count));
  if (!v.buffer().left()) {
    // Nothing is nothing, but of what cannot be read at all.
    Ref<File> file = TRY(current_descriptors().get(descriptor));
    if (!file->readable()) return fail(Errno::BadDescriptor);
    return file->as_event_poll() || file->as_process() ? fail(Errno::Invalid) : Result(0);
  }
  return read_from(descriptor, v.buffer());
}

Result sys_writev(int descriptor, UserIn<IoVector> vectors, int count) {
  Vectors v;
  TRY(v.read(vectors, count));
  return write_to(descriptor, v.buffer());
}

Result sys_pread64(int descriptor, UserAddress buffer, size_t bytes, int64_t offset) {
  return read_from_at(descriptor, user_buffer(buffer, bytes), offset);
}

Result sys_pwrite64(int descriptor, UserAddress buffer, size_t bytes, int64_t offset) {
  return write_to_at(descriptor, user_buffer(buffer, bytes), offset);
}

Result sys_preadv(int descriptor, UserIn<IoVector> vectors, int count, int64_t offset) {
  Vectors v;
  TRY(v.read(vectors, count));
  return read_from_at(descriptor, v.buffer(), offset);
}

Result sys_pwritev(int descriptor, UserIn<IoVector> vectors, int count, int64_t offset) {
  Vectors v;
  TRY(v.read(vectors, count));
  return write_to_at(descriptor, v.buffer(), offset);
}

// Hints and syncing flags need nothing; RWF_NOWAIT would, and is refused.
constexpr uint32_t DataSync = 2, Sync = 4, Append = 0x10;

Result sys_preadv2(int descriptor, UserIn<IoVector> vectors, int count, int64_t offset, uint64_t, uint32_t flags) {
  if (flags & ~accepted::preadv2_flags) return fail(Errno::NotSupported);
  return offset == -1 ? sys_readv(descriptor, vectors, count) : sys_preadv(descriptor, vectors, count, offset);
}

Result sys_pwritev2(int descriptor, UserIn<IoVector> vectors, int count, int64_t offset, uint64_t, uint32_t flags) {
  if (flags & ~accepted::pwritev2_flags) return fail(Errno::NotSupported);
  // The position moves as without the flag (pwritev2(2)).
  if (flags & Append && offset != -1)
    if (Ref<Inode> inode = TRY(current_descriptors().get(descriptor))->inode()) offset = int64_t(TRY(inode->attributes()).size);
  uint64_t n = TRY(offset == -1 ? sys_writev(descriptor, vectors, count) : sys_pwritev(descriptor, vectors, count, offset));
  if (flags & (DataSync | Sync)) TRY(TRY(current_descriptors().get(descriptor))->sync(!(flags & Sync)));
  return n;
}

}  // namespace pl
