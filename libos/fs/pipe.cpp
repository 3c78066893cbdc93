// SPDX-License-Identifier: BSD-2-Clause
#include "fs/pipe.h"

#include <algorithm>
#include <cstring>

#include "base/hot.h"
#include "fs/abi.h"
#include "fs/context.h"
#include "fs/text.h"

namespace pl {

Pipe::~Pipe() {
  for (unsigned i = 0; i < DirectPages; i++)
    if (direct_[i]) unref_frame(direct_[i]);
  if (marks_) heap_free(marks_, MaxPages * sizeof(uint16_t), alignof(uint16_t));
  if (!more_) return;
  for (unsigned i = 0; i < MaxPages; i++)
    if (more_[i]) unref_frame(more_[i]);
  heap_free(more_, MaxPages * sizeof(PhysicalAddress), alignof(PhysicalAddress));
}

PhysicalAddress* Pipe::slot(size_t position) {
  size_t index = position / PageSize;
  return more_ ? &more_[index % MaxPages] : &direct_[index % DirectPages];
}

ErrorOr<std::byte*> Pipe::page_for(size_t position) {
  PhysicalAddress* s = slot(position);
  // A page that the template wrote cannot be written again in a fork.
  if (!*s || frame_is_frozen(*s)) {
    PhysicalAddress fresh = TRY(allocate_frame());
    s = slot(position);
    if (*s) std::memcpy(frame_pointer(fresh), frame_pointer(*s), PageSize);
    *s = fresh;
  }
  return static_cast<std::byte*>(frame_pointer(*s)) + position % PageSize;
}

ErrorOr<size_t> Pipe::set_capacity(size_t bytes) {
  if (bytes > MaxCapacity) return fail(Errno::Perm);
  size_t wanted = PageSize;
  while (wanted < bytes) wanted *= 2;
  MutexHolder reading(read_lock_), writing(write_lock_);
  if (tail_ - head_ > wanted) return fail(Errno::Busy);
  if (wanted > DirectPages * PageSize && !more_) {
    size_t size = MaxPages * sizeof(PhysicalAddress);
    auto table = static_cast<PhysicalAddress*>(heap_allocate(size, alignof(PhysicalAddress)));
    if (!table) return fail(Errno::NoMemory);
    std::memset(static_cast<void*>(table), 0, size);
    size_t first = head_ / PageSize, last = tail_ / PageSize;
    // A full ring that does not begin at a page's start has its end in its first page.
    if (last == first + DirectPages) {
      auto copy = allocate_frame();
      if (!copy) {
        heap_free(table, size, alignof(PhysicalAddress));
        return fail(copy.error());
      }
      std::memcpy(frame_pointer(*copy), frame_pointer(direct_[first % DirectPages]), PageSize);
      table[last % MaxPages] = *copy;
    }
    for (size_t p = first; p <= last && p < first + DirectPages; p++)
      table[p % MaxPages] = std::exchange(direct_[p % DirectPages], PhysicalAddress());
    for (PhysicalAddress& left : direct_)
      if (left) unref_frame(std::exchange(left, PhysicalAddress()));
    more_ = table;
  }
  capacity_ = wanted;
  ++drains;
  writable.wake_all();
  return wanted;
}

ErrorOr<bool> Pipe::wait_for_bytes(bool nonblocking) {
  if (used()) return true;
  if (writers == 0) return false;
  if (nonblocking) return fail(Errno::Again);
  read_lock_.release();
  auto woken = wait_for(readable, NoDeadline, Sleep::Interruptible, [&] { return used() || !writers; });
  read_lock_.acquire();
  if (used()) return true;
  if (!woken) return fail(woken.error());
  if (writers == 0) return false;
  return fail(Errno::RestartSystemCall);  // another reader was faster: as if it had just begun
}

Buffer Pipe::piece_at(size_t position, size_t bytes) {
  size_t n = std::min(bytes, valid_end(position) - position);
  return Buffer::kernel(static_cast<std::byte*>(frame_pointer(*slot(position))) + position % PageSize, n);
}

size_t Pipe::valid_end(size_t position) const {
  size_t start = position - position % PageSize, bytes = mark_of(position) & MarkBytes;
  return std::min(start + (bytes ? bytes : PageSize), tail_);
}

size_t Pipe::next_piece(size_t position) const {
  return mark_of(position) ? position - position % PageSize + PageSize : valid_end(position);
}

void Pipe::leave_page(size_t position) {
  if (!mark_of(position)) return;
  uint16_t& mark = marks_[position / PageSize % MaxPages];
  padding_ -= PageSize - (mark & MarkBytes);
  head_ = position - position % PageSize + PageSize;
  mark = 0;
}

bool Pipe::fits(size_t bytes, Writing writing) const {
  if (writing == Writing::Stream) return bytes <= AtomicWrite ? room() >= bytes : room() > 0;
  return round_up(tail_, PageSize) + PageSize <= head_ - head_ % PageSize + capacity_;
}

// Its bytes are in the page at `at`, which is the first that holds none.
ErrorOr<void> Pipe::append_packet(size_t at, size_t bytes) {
  if (!marks_) {
    size_t size = MaxPages * sizeof(uint16_t);
    marks_ = static_cast<uint16_t*>(heap_allocate(size, alignof(uint16_t)));
    if (!marks_) return fail(Errno::NoMemory);
    std::memset(marks_, 0, size);
  }
  if (at != tail_) marks_[tail_ / PageSize % MaxPages] = uint16_t(tail_ % PageSize);
  marks_[at / PageSize % MaxPages] = uint16_t(bytes | MarkPacket);
  padding_ += at - tail_ + PageSize - bytes;
  tail_ = at + PageSize;
  return {};
}

void Pipe::was_read() {
  if (head_ == tail_) head_ = tail_ = 0;
  ++drains;
  if (!writable.empty()) writable.wake_all();
}

ErrorOr<size_t> Pipe::read(Buffer& to, bool nonblocking) {
  if (to.left() == 0) return 0;
  MutexHolder holder(read_lock_);
  if (!TRY(wait_for_bytes(nonblocking))) return 0;
  size_t done = 0;
  while (to.left() && used()) {
    bool packet = mark_of(head_) & MarkPacket;
    if (packet && done) break;
    size_t end = valid_end(head_), n = std::min(to.left(), end - head_);
    auto moved = to.put(static_cast<std::byte*>(frame_pointer(*slot(head_))) + head_ % PageSize, n);
    if (!moved) {
      if (done) break;
      return fail(moved.error());
    }
    head_ += n;
    done += n;
    if (packet || head_ == end) leave_page(head_ - 1);  // of a packet, what did not fit is lost
    if (packet) break;
  }
  was_read();
  return done;
}

ErrorOr<void> Pipe::wait_for_room(bool nonblocking) {
  if (readers && !room()) {
    if (nonblocking) return fail(Errno::Again);
    TRY(wait_for(writable, NoDeadline, Sleep::Interruptible, [&] { return room() || !readers; }));
  }
  return readers ? ErrorOr<void>() : fail(Errno::BrokenPipe);
}

ErrorOr<size_t> Pipe::write(Buffer& from, bool nonblocking, Writing writing) {
  if (readers == 0) return fail(Errno::BrokenPipe);
  if (from.left() == 0) return 0;
  MutexHolder holder(write_lock_);
  size_t done = 0;
  bool atomic = from.left() <= AtomicWrite;
  while (from.left()) {
    auto enough = [&] { return fits(atomic ? from.left() : AtomicWrite + 1, writing); };
    if (readers == 0) return done ? ErrorOr<size_t>(done) : fail(Errno::BrokenPipe);
    if (!enough()) {
      if (nonblocking) return done ? ErrorOr<size_t>(done) : fail(Errno::Again);
      write_lock_.release();
      auto woken = wait_for(writable, NoDeadline, Sleep::Interruptible, [&] { return enough() || readers == 0; });
      write_lock_.acquire();
      if (!woken) return done ? ErrorOr<size_t>(done) : fail(woken.error());
      continue;
    }
    // The tail moves when the bytes are there. A reader that empties the pipe meanwhile would begin at the first page again, so
    // the position is looked up for each piece.
    size_t before = tail_, at = writing == Writing::Packets ? round_up(before, PageSize) : before, n = std::min(from.left(), PageSize - at % PageSize);
    if (writing == Writing::Stream) n = std::min(n, room());
    auto page = page_for(at);
    ErrorOr<void> moved = page ? ErrorOr<void>() : fail(page.error());
    if (page) {
      Buffer copy = from;
      moved = copy.take(*page, n);
      if (moved && tail_ != before) continue;  // emptied while the copy slept: once more, at the new place
      if (moved && writing == Writing::Packets) moved = append_packet(at, n);
      if (moved) from = copy;
    }
    if (!moved) return done ? ErrorOr<size_t>(done) : fail(moved.error());
    if (writing == Writing::Stream) tail_ += n;
    done += n;
    ++fills;
    if (!readable.empty()) readable.wake_all();
  }
  return done;
}

void Pipe::open_end(bool read, bool write) {
  if (read) ++readers, ++reader_opens;
  if (write) ++writers, ++writer_opens;
  opened.wake_all();
}

void Pipe::close_end(bool read, bool write) {
  if (read && --readers == 0) {
    ++drains;
    writable.wake_all();
  }
  if (write && --writers == 0) {
    ++fills;
    readable.wake_all();
  }
}

// ---- the ends as files ----

namespace {
PL_HOT constinit uint64_t next_pipe = 1;
}

PipeFile::PipeFile(Ref<Pipe> pipe, Ref<Inode> fifo, uint32_t flags)
    : File(flags), pipe_(std::move(pipe)), fifo_(std::move(fifo)), number_(next_pipe) {
  count_holders();
  pipe_->open_end(readable(), writable());
}

PipeFile::~PipeFile() { PipeFile::closed(); }

ErrorOr<size_t> PipeFile::read(Buffer& to) {
  if (!readable()) return fail(Errno::BadDescriptor);
  return pipe_->read(to, nonblocking());
}

ErrorOr<size_t> PipeFile::write(Buffer& from) {
  if (!writable()) return fail(Errno::BadDescriptor);
  return pipe_->write(from, nonblocking(), flags() & open_flag::Direct ? Pipe::Writing::Packets : Pipe::Writing::Stream);
}

uint32_t PipeFile::poll(PollTable* table) {
  uint32_t events = 0;
  if (readable()) {
    if (table) table->watch(pipe_->readable);
    if (pipe_->used()) events |= poll_event::Readable;
    if (!pipe_->writers && pipe_->writer_opens) events |= poll_event::HangUp;
  }
  if (writable()) {
    if (table) table->watch(pipe_->writable);
    if (pipe_->room() >= Pipe::AtomicWrite) events |= poll_event::Writable;
    if (!pipe_->readers) events |= poll_event::Error;
  }
  return events;
}

ErrorOr<uint64_t> PipeFile::ioctl(uint32_t command, UserAddress argument) {
  constexpr uint32_t BytesReadable = 0x541b;  // FIONREAD
  if (command != BytesReadable) return fail(Errno::NotTerminal);
  TRY(UserOut<int>{argument}.write(int(pipe_->used())));
  return 0;
}

ErrorOr<Attributes> PipeFile::attributes() {
  if (fifo_) return fifo_->attributes();
  Attributes a;
  a.mode = file_mode::Fifo | 0600;
  a.inode = number_;
  a.device = make_device(0, 10);
  FileCredentials who = current_file_credentials();
  a.uid = who.uid;
  a.gid = who.gid;
  return a;
}

size_t PipeFile::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "pipe:[" << number_ << "]";
  return text.length();
}

ErrorOr<PipeEnds> create_pipe(uint32_t flags) {
  auto pipe = TRY(Pipe::create());
  Ref<File> read = TRY(make<PipeFile>(pipe, Ref<Inode>(), flags | open_flag::ReadOnly));
  Ref<File> write = TRY(make<PipeFile>(std::move(pipe), Ref<Inode>(), flags | open_flag::WriteOnly));
  ++next_pipe;
  return PipeEnds{std::move(read), std::move(write)};
}

ErrorOr<Ref<File>> open_fifo(Ref<Inode> inode, Ref<Pipe> pipe, uint32_t flags) {
  uint32_t access = flags & open_flag::AccessMode;
  if (access == open_flag::WriteOnly && flags & open_flag::NonBlock && pipe->readers == 0) return fail(Errno::NoDeviceAddress);
  Ref<File> file = TRY(make<PipeFile>(pipe, std::move(inode), flags));
  if (flags & open_flag::NonBlock || access == open_flag::ReadWrite) return file;
  // The other side may have come and gone: what counts is that it was opened since.
  if (access == open_flag::ReadOnly) {
    uint32_t before = pipe->writer_opens;
    if (!pipe->writers)
      TRY(wait_for(pipe->opened, NoDeadline, Sleep::Interruptible, [&] { return pipe->writer_opens != before; }));
  } else {
    uint32_t before = pipe->reader_opens;
    if (!pipe->readers)
      TRY(wait_for(pipe->opened, NoDeadline, Sleep::Interruptible, [&] { return pipe->reader_opens != before; }));
  }
  return file;
}

}  // namespace pl
