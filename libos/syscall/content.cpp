// SPDX-License-Identifier: BSD-2-Clause
// Sizes, copies between files, and bringing things to disk.
#include <algorithm>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/open_file.h"
#include "fs/path.h"
#include "fs/watch.h"
#include "fs/tmpfs/tmpfs.h"
#include "syscall/restart.h"
#include "syscall/table.h"
#include "syscall/transfer.h"

namespace pl {

Result sys_truncate(UserAddress path, int64_t bytes) {
  if (bytes < 0) return fail(Errno::Invalid);
  PathName name;
  TRY(name.read(path));
  Ref<Inode> inode = TRY(resolve(current_file_context().directory, name.view(), LastLink::Follow));
  if (inode->is_directory()) return fail(Errno::IsDirectory);
  if (!inode->is_regular()) return fail(Errno::Invalid);
  TRY(check_access(*inode, AccessWrite, current_file_credentials()));
  if (uint64_t(bytes) > current_file_size_limit()) {
    signal_file_size();
    return fail(Errno::FileTooBig);
  }
  TRY(inode->truncate(uint64_t(bytes)));
  if (watches::any()) watches::tell(*inode, watch_event::Modify);
  return 0;
}

Result sys_ftruncate(int descriptor, int64_t bytes) {
  if (bytes < 0) return fail(Errno::Invalid);
  TRY(TRY(current_descriptors().get(descriptor))->truncate(uint64_t(bytes)));
  return 0;
}

Result sys_fallocate(int descriptor, uint32_t mode, int64_t offset, int64_t bytes) {
  Ref<File> file = TRY(current_descriptors().get_open(descriptor));
  if (offset < 0 || bytes <= 0) return fail(Errno::Invalid);
  if (mode & ~accepted::fallocate_mode) return fail(Errno::NotSupported);
  if (!file->writable()) return fail(Errno::BadDescriptor);
  if (offset > INT64_MAX - bytes) return fail(Errno::FileTooBig);
  if (file->as_pipe()) return fail(Errno::IllegalSeek);
  TRY(file->allocate(mode, uint64_t(offset), uint64_t(bytes)));
  return 0;
}

namespace {

// Moves up to `bytes`. What was read and could not be written is given back by seeking, where that is possible.
ErrorOr<size_t> transfer(TransferEnd& in, TransferEnd& out, size_t bytes) {
  TransferPage page;
  if (!page.memory) return fail(Errno::NoMemory);
  size_t done = 0;
  while (done < bytes) {
    Buffer to = Buffer::kernel(page.memory, std::min(PageSize, bytes - done));
    auto got = in.read(to);
    if (!got) return done ? ErrorOr<size_t>(done) : fail(got.error());
    if (*got == 0) break;
    size_t written = 0;
    while (written < *got) {
      Buffer from = Buffer::kernel(static_cast<std::byte*>(page.memory) + written, *got - written);
      auto put = out.write(from);
      if (!put || *put == 0) {
        int64_t back = int64_t(*got - written);
        if (in.offset >= 0) in.offset -= back;
        else (void)in.file->seek(-back, SeekCurrent);
        done += written;
        if (done) return done;
        return put ? ErrorOr<size_t>(0) : put;
      }
      written += *put;
    }
    done += *got;
    if (*got < PageSize && in.file->as_pipe()) break;
  }
  return done;
}

}  // namespace

Result sys_sendfile(int out, int in, UserIn<int64_t> offset, size_t bytes) {
  TransferEnd from = TRY(TransferEnd::create(in, offset.address)), to = TRY(TransferEnd::create(out, {}));
  if (!from.file->readable() || !to.file->writable()) return fail(Errno::BadDescriptor);
  if (to.file->flags() & open_flag::Append) return fail(Errno::Invalid);
  Ref<Inode> source = from.file->inode();
  if (!source || !source->is_regular()) return fail(Errno::Invalid);
  auto n = transfer(from, to, std::min<size_t>(bytes, MaxTransfer));
  if (!n && n.error() == Errno::BrokenPipe) signal_broken_pipe();
  TRY(restartable(n));
  TRY(from.finish());
  return *n;
}

Result sys_copy_file_range(int in, UserIn<int64_t> in_offset, int out, UserIn<int64_t> out_offset, size_t bytes, uint32_t flags) {
  if (flags) return fail(Errno::Invalid);
  TransferEnd from = TRY(TransferEnd::create(in, in_offset.address)), to = TRY(TransferEnd::create(out, out_offset.address));
  if (!from.file->readable() || !to.file->writable() || to.file->flags() & open_flag::Append) return fail(Errno::BadDescriptor);
  Ref<Inode> source = from.file->inode(), target = to.file->inode();
  if ((source && source->is_directory()) || (target && target->is_directory())) return fail(Errno::IsDirectory);
  if (!source || !target || !source->is_regular() || !target->is_regular()) return fail(Errno::Invalid);
  if (source->file_system_identity() != target->file_system_identity()) return fail(Errno::CrossDevice);
  bytes = std::min<size_t>(bytes, MaxTransfer);
  if (source == target) {
    uint64_t a = from.offset >= 0 ? uint64_t(from.offset) : TRY(from.file->seek(0, SeekCurrent));
    uint64_t b = to.offset >= 0 ? uint64_t(to.offset) : TRY(to.file->seek(0, SeekCurrent));
    if (a < b + bytes && b < a + bytes) return fail(Errno::Invalid);
  }
  size_t n = TRY(transfer(from, to, bytes));
  TRY(from.finish());
  TRY(to.finish());
  return n;
}

// Memory needs no syncing, and the host's files are written through.
Result sys_sync() { return 0; }

Result sys_syncfs(int descriptor) {
  TRY(current_descriptors().get_open(descriptor));
  return 0;
}

Result sys_fsync(int descriptor) {
  TRY(TRY(current_descriptors().get(descriptor))->sync(false));
  return 0;
}

Result sys_fdatasync(int descriptor) {
  TRY(TRY(current_descriptors().get(descriptor))->sync(true));
  return 0;
}

Result sys_sync_file_range(int descriptor, int64_t offset, int64_t bytes, uint32_t flags) {
  Ref<File> file = TRY(current_descriptors().get_open(descriptor));
  if (flags & ~accepted::sync_file_range_flags || offset < 0 || bytes < 0) return fail(Errno::Invalid);
  Ref<Inode> inode = file->inode();
  if (!inode || (!inode->is_regular() && !inode->is_directory() && inode->type() != file_mode::Block)) return fail(Errno::IllegalSeek);
  auto synced = file->sync(true);
  return synced || synced.error() == Errno::Invalid ? Result(0) : fail(synced.error());  // /proc has nothing to be written
}

Result sys_readahead(int descriptor, int64_t, size_t) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (!file->readable()) return fail(Errno::BadDescriptor);
  Ref<Inode> inode = file->inode();
  return inode && inode->is_regular() ? Result(0) : fail(Errno::Invalid);
}

Result sys_fadvise64(int descriptor, int64_t, int64_t bytes, int advice) {
  Ref<File> file = TRY(current_descriptors().get_open(descriptor));
  if (file->as_pipe()) return fail(Errno::IllegalSeek);
  if (advice < 0 || advice > 5 || bytes < 0) return fail(Errno::Invalid);
  return 0;
}

Result sys_memfd_create(UserAddress name, uint32_t flags) {
  constexpr uint32_t CloseOnExec = 1, AllowSealing = 2, NoExecuteSeal = 8, Executable = 16;
  if (flags & ~accepted::memfd_create_flags || (flags & NoExecuteSeal && flags & Executable)) return fail(Errno::Invalid);
  char text[256] = "memfd:";
  constexpr size_t Prefix = 6;
  auto length = copy_string_from_user(text + Prefix, name, sizeof text - Prefix);
  if (!length) return fail(length.error() == Errno::NameTooLong ? Errno::Invalid : length.error());
  FileCredentials who = current_file_credentials();
  auto inode = TRY(make<TmpRegular>(file_mode::Regular | (flags & NoExecuteSeal ? 0666 : 0777), who.uid, who.gid));
  if (flags & (AllowSealing | NoExecuteSeal)) inode->seals = 0;
  TRY(inode->remember({text, Prefix + *length}, nullptr));
  Ref<File> file = TRY(make<RegularFile>(Ref<Inode>(std::move(inode)), open_flag::ReadWrite));
  return uint64_t(TRY(current_descriptors().install(std::move(file), flags & CloseOnExec ? OnExec::Close : OnExec::Keep)));
}

}  // namespace pl
