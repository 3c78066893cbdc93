// SPDX-License-Identifier: BSD-2-Clause
// Pipes and FIFOs (pipe(7)).
#pragma once

#include <cstdint>

#include "fs/file.h"
#include "fs/mutex.h"
#include "memory/frame.h"

namespace pl {

// The bytes between the ends. Positions run freely; whenever it is empty they go back to the first page, so that a pipe that carries
// little holds one page. A packet (O_DIRECT) begins a page and has the rest of it as padding.
class Pipe : public RefCounted {
 public:
  static constexpr size_t DefaultCapacity = 65536, MaxCapacity = 1 << 20, AtomicWrite = 4096;
  static constexpr unsigned MaxPages = MaxCapacity / PageSize;
  static ErrorOr<Ref<Pipe>> create() { return make<Pipe>(); }

  ErrorOr<size_t> read(Buffer& to, bool nonblocking);
  enum class Writing : uint8_t { Stream, Packets };
  ErrorOr<size_t> write(Buffer& from, bool nonblocking, Writing writing = Writing::Stream);
  // Hands its bytes to `sink(Buffer&)` piece by piece as they lie there; it says how many it took. Copied ones stay (tee(2)).
  enum class Passing : uint8_t { Move, Copy };
  template <class Sink>
  ErrorOr<size_t> pass_on(size_t bytes, bool nonblocking, Passing passing, Sink sink) {
    MutexHolder holder(read_lock_);
    if (!TRY(wait_for_bytes(nonblocking))) return 0;
    size_t done = 0;
    for (size_t at = head_; done < bytes && at != tail_;) {
      Buffer piece = piece_at(at, bytes - done);
      size_t n = piece.left();
      auto took = sink(piece);
      if (!took && !done) return fail(took.error());
      if (!took) break;
      at += *took;
      done += *took;
      if (passing == Passing::Copy) {
        if (at == valid_end(at - 1)) at = next_piece(at - 1);
      } else {
        head_ = at;
        if (at == valid_end(at - 1)) leave_page(at - 1);
        at = head_;
      }
      if (*took < n) break;
    }
    if (passing == Passing::Move) was_read();
    return done;
  }
  // EPIPE, EAGAIN; otherwise there is room for at least one byte.
  ErrorOr<void> wait_for_room(bool nonblocking);
  size_t used() const { return tail_ - head_ - padding_; }
  size_t room() const { return capacity_ - (tail_ - head_); }
  size_t capacity() const { return capacity_; }
  ErrorOr<size_t> set_capacity(size_t bytes);

  void open_end(bool read, bool write);
  void close_end(bool read, bool write);

  uint32_t readers = 0, writers = 0;
  uint32_t reader_opens = 0, writer_opens = 0;  // ever, for the rendezvous of FIFOs
  WaitQueue readable, writable, opened;
  uint64_t fills = 0, drains = 0;  // what may have made the read end and the write end ready

  ~Pipe() override;

 private:
  static constexpr unsigned DirectPages = 16;
  // False at the end. The read lock is held, and let go of while it sleeps.
  ErrorOr<bool> wait_for_bytes(bool nonblocking);
  Buffer piece_at(size_t position, size_t bytes);  // cut at the end of its page's bytes
  // Of the page that holds a position: a mark, where its bytes end, and what comes behind them.
  uint16_t mark_of(size_t position) const { return marks_ ? marks_[position / PageSize % MaxPages] : uint16_t(0); }
  size_t valid_end(size_t position) const;
  size_t next_piece(size_t position) const;
  void leave_page(size_t position);  // its bytes are read
  bool fits(size_t bytes, Writing writing) const;
  ErrorOr<void> append_packet(size_t at, size_t bytes);
  void was_read();
  PhysicalAddress* slot(size_t position);
  ErrorOr<std::byte*> page_for(size_t position);

  Mutex read_lock_, write_lock_;
  size_t head_ = 0, tail_ = 0, padding_ = 0;
  size_t capacity_ = DefaultCapacity;
  PhysicalAddress direct_[DirectPages];
  PhysicalAddress* more_ = nullptr;  // MaxPages of them, once the capacity was raised
  static constexpr uint16_t MarkBytes = 0x1fff, MarkPacket = 0x8000;
  uint16_t* marks_ = nullptr;        // MaxPages of them, once there was a packet: how many bytes of a page count; 0: all
};

class PipeFile : public File {
 public:
  // Ends are taken by the constructor: Pipe::open_end is called.
  PipeFile(Ref<Pipe> pipe, Ref<Inode> fifo, uint32_t flags);
  ~PipeFile() override;
  ErrorOr<size_t> read(Buffer& to) override;
  ErrorOr<size_t> write(Buffer& from) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return (readable() ? pipe_->fills : 0) + (writable() ? pipe_->drains : 0); }
  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override;
  ErrorOr<Attributes> attributes() override;
  Ref<Inode> inode() override { return fifo_; }
  size_t describe(char* out, size_t capacity) override;
  PipeFile* as_pipe() override { return this; }
  bool raises_signals() override { return true; }
  Pipe& pipe() { return *pipe_; }

 protected:
  void closed() override { pipe_->close_end(readable(), writable()); }

 private:
  Ref<Pipe> pipe_;
  Ref<Inode> fifo_;  // null: pipe2()
  uint64_t number_;
};

struct PipeEnds { Ref<File> read, write; };
ErrorOr<PipeEnds> create_pipe(uint32_t flags);

// open(2) of a FIFO: blocks until the other end is there too (fifo(7)).
ErrorOr<Ref<File>> open_fifo(Ref<Inode> inode, Ref<Pipe> pipe, uint32_t flags);

}  // namespace pl
