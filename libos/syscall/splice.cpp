// SPDX-License-Identifier: BSD-2-Clause
// splice, tee and vmsplice: from and to pipes without the program's memory.
#include <algorithm>

#include "fs/pipe.h"
#include "syscall/restart.h"
#include "syscall/table.h"
#include "syscall/transfer.h"
#include "syscall/vectors.h"

namespace pl {

namespace {

namespace splice_flag {
constexpr uint32_t NonBlock = 2;
}

// What has arrived, page by page; it waits for the first only. The room is there before anything is read, so that nothing is lost.
ErrorOr<size_t> into_pipe(TransferEnd& in, PipeFile& out, size_t bytes, bool nonblocking) {
  TransferPage page;
  if (!page.memory) return fail(Errno::NoMemory);
  Pipe& pipe = out.pipe();
  size_t done = 0;
  while (done < bytes) {
    if (auto room = pipe.wait_for_room(nonblocking || done); !room) return done ? ErrorOr<size_t>(done) : fail(room.error());
    if (done && !(in.file->poll(nullptr) & poll_event::In)) break;
    size_t wanted = std::min({PageSize, bytes - done, pipe.room()});
    Buffer to = Buffer::kernel(page.memory, wanted);
    auto got = in.read(to);
    if (!got) return done ? ErrorOr<size_t>(done) : fail(got.error());
    if (!*got) break;
    Buffer from = Buffer::kernel(page.memory, *got);
    auto put = pipe.write(from, false);
    if (!put) return done ? ErrorOr<size_t>(done) : fail(put.error());
    done += *put;
    if (*got < wanted) break;
  }
  return done;
}

}  // namespace

Result sys_splice(int in, UserAddress in_offset, int out, UserAddress out_offset, size_t bytes, uint32_t flags) {
  if (flags & ~accepted::splice_flags) return fail(Errno::Invalid);
  if (!bytes) return 0;
  Ref<File> in_file = TRY(current_descriptors().get(in)), out_file = TRY(current_descriptors().get(out));
  PipeFile *in_pipe = in_file->as_pipe(), *out_pipe = out_file->as_pipe();
  if ((in_pipe && in_offset) || (out_pipe && out_offset)) return fail(Errno::IllegalSeek);
  if (!in_file->readable() || !out_file->writable()) return fail(Errno::BadDescriptor);
  if (!in_pipe && !out_pipe) return fail(Errno::Invalid);
  if (in_pipe && out_pipe && &in_pipe->pipe() == &out_pipe->pipe()) return fail(Errno::Invalid);
  if (out_file->flags() & open_flag::Append) return fail(Errno::Invalid);
  TransferEnd from = TRY(TransferEnd::create(in, in_offset)), to = TRY(TransferEnd::create(out, out_offset));
  bytes = std::min<size_t>(bytes, MaxTransfer);
  bool nonblocking = flags & splice_flag::NonBlock;
  ErrorOr<size_t> n;
  if (in_pipe) {
    bool first = true;
    n = in_pipe->pipe().pass_on(bytes, nonblocking || in_file->nonblocking(), Pipe::Passing::Move, [&](Buffer& piece) {
      bool wait = std::exchange(first, false) && !nonblocking && !out_file->nonblocking();
      return out_pipe ? to.moved(out_pipe->pipe().write(piece, !wait)) : to.write(piece);
    });
  } else {
    n = into_pipe(from, *out_pipe, bytes, nonblocking || out_file->nonblocking());
  }
  if (!n && n.error() == Errno::BrokenPipe) signal_broken_pipe();
  TRY(restartable(n));
  TRY(from.finish());
  TRY(to.finish());
  return *n;
}

Result sys_tee(int in, int out, size_t bytes, uint32_t flags) {
  if (flags & ~accepted::tee_flags) return fail(Errno::Invalid);
  Ref<File> in_file = TRY(current_descriptors().get(in)), out_file = TRY(current_descriptors().get(out));
  if (!in_file->readable() || !out_file->writable()) return fail(Errno::BadDescriptor);
  PipeFile *from = in_file->as_pipe(), *to = out_file->as_pipe();
  if (!from || !to || &from->pipe() == &to->pipe()) return fail(Errno::Invalid);
  if (!bytes) return 0;
  bool nonblocking = flags & splice_flag::NonBlock, first = true;
  auto n = from->pipe().pass_on(bytes, nonblocking || in_file->nonblocking(), Pipe::Passing::Copy, [&](Buffer& piece) {
    bool wait = std::exchange(first, false) && !nonblocking && !out_file->nonblocking();
    return to->pipe().write(piece, !wait);
  });
  if (!n && n.error() == Errno::BrokenPipe) signal_broken_pipe();
  return restartable<uint64_t>(n);
}

// The program's pages are copied, not given away.
Result sys_vmsplice(int descriptor, UserIn<IoVector> in, size_t count, uint32_t flags) {
  if (flags & ~accepted::vmsplice_flags) return fail(Errno::Invalid);
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  PipeFile* pipe = file->as_pipe();
  if (!pipe) return fail(Errno::BadDescriptor);
  if (count > size_t(Vectors::Maximum)) return fail(Errno::Invalid);
  Vectors vectors;
  TRY(vectors.read(in, int(count)));
  Buffer buffer = vectors.buffer();
  bool nonblocking = flags & splice_flag::NonBlock || file->nonblocking();
  if (!file->writable()) return restartable<uint64_t>(pipe->pipe().read(buffer, nonblocking));
  auto n = pipe->pipe().write(buffer, nonblocking);
  if (!n && n.error() == Errno::BrokenPipe) signal_broken_pipe();
  return restartable<uint64_t>(n);
}

}  // namespace pl
