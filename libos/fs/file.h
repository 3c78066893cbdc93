// SPDX-License-Identifier: BSD-2-Clause
// An open file description (POSIX 3.258): what descriptors refer to.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/ref.h"
#include "fs/inode.h"
#include "memory/user.h"
#include "process/wait.h"

namespace pl {

struct MappingRequest;
class AddressSpace;

// Collects the queues that a poll, select or epoll sleeps on.
class PollTable {
 public:
  virtual void watch(WaitQueue& queue) = 0;

 protected:
  ~PollTable() = default;
};

struct EpollItem;  // fs/event_poll.h
namespace locks {
enum class Kind : uint8_t;
}
namespace async {
extern unsigned watched_files;  // fs/async.h
}

class File : public RefCounted {
 public:
  ~File() override { forget_watchers(); }

  virtual ErrorOr<size_t> read(Buffer&) { return fail(Errno::Invalid); }
  virtual ErrorOr<size_t> write(Buffer&) { return fail(Errno::Invalid); }
  virtual ErrorOr<size_t> read_at(uint64_t, Buffer&) { return fail(Errno::IllegalSeek); }
  virtual ErrorOr<size_t> write_at(uint64_t, Buffer&) { return fail(Errno::IllegalSeek); }
  virtual ErrorOr<uint64_t> seek(int64_t, int /*whence*/) { return fail(Errno::IllegalSeek); }
  // Current POLL* events; `table`, when not null, learns whom to wait for.
  virtual uint32_t poll(PollTable*) { return 0x145; /* POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM */ }
  // Whether epoll takes it: EPERM for what is always ready.
  virtual bool can_be_awaited() {
    Ref<Inode> of = inode();
    return !of || !(of->is_regular() || of->is_directory());
  }
  // Counts what may make it ready, for edge-triggered epoll: another value is a new edge.
  virtual uint64_t activity() { return 0; }
  virtual ErrorOr<uint64_t> ioctl(uint32_t /*command*/, UserAddress) { return fail(Errno::NotTerminal); }
  virtual ErrorOr<void> truncate(uint64_t) { return fail(Errno::Invalid); }
  virtual ErrorOr<void> allocate(uint32_t /*mode*/, uint64_t /*offset*/, uint64_t /*bytes*/) { return fail(Errno::NoDevice); }
  virtual ErrorOr<size_t> list(Buffer&) { return fail(Errno::NotDirectory); }  // getdents64
  virtual ErrorOr<void> sync(bool /*data_only*/) { return fail(Errno::Invalid); }
  virtual ErrorOr<Attributes> attributes() = 0;
  // Completes a request for mmap (sets inode and max_protection), or ENODEV.
  virtual ErrorOr<void> prepare_map(MappingRequest&) { return fail(Errno::NoDevice); }
  virtual Ref<Inode> inode() { return {}; }
  // The inode's, which can set such a lock from now on.
  virtual ErrorOr<locks::Authority*> lock_authority(locks::Kind) { return nullptr; }
  // As /proc/self/fd shows it when it has no path: "pipe:[7]". Returns the length.
  virtual size_t describe(char* out, size_t capacity);
  // A descriptor on it was closed (POSIX record locks end then).
  virtual void descriptor_closed(const void* /*owner*/) {}
  virtual class EventPoll* as_event_poll() { return nullptr; }
  virtual class PipeFile* as_pipe() { return nullptr; }
  virtual class TimerFile* as_timer() { return nullptr; }

  // Descriptors, and messages under way (SCM_RIGHTS), keep it open. A template's file is never freed in a fork: the last of these, and not
  // its destructor, then says that it is closed. Only files that others wait for are counted: pipes and sockets.
  void hold() { if (holders_ != NotCounted) ++holders_; }
  void let_go() {
    if (holders_ == NotCounted || --holders_ || !is_frozen(this)) return;
    forget_watchers();
    closed();
  }
  uint32_t holders() const { return holders_; }
  // Whether an EPIPE of write() comes with SIGPIPE.
  virtual bool signals_broken_pipe() { return true; }
  // Whether it takes O_DIRECT.
  virtual bool may_bypass_cache() { return as_pipe(); }
  // O_ASYNC: whether it raises signals, and whether who gets one for room is told of what there is now.
  virtual bool raises_signals() { return false; }
  virtual bool tells_of_room() { return true; }
  virtual class Terminal* as_terminal() { return nullptr; }
  virtual class Socket* as_socket() { return nullptr; }
  virtual class ProcessFile* as_process() { return nullptr; }
  virtual class SignalFile* as_signals() { return nullptr; }
  virtual class QueueFile* as_queue() { return nullptr; }
  virtual class WatchFile* as_watches() { return nullptr; }

  EpollItem* epoll_items = nullptr;  // of the epolls that watch it; they do not keep it open

  uint32_t flags() const { return flags_; }  // O_ACCMODE, O_APPEND, O_NONBLOCK, ...
  virtual ErrorOr<void> set_flags(uint32_t flags) { flags_ = flags; return {}; }
  bool nonblocking() const { return flags_ & 04000; }
  bool readable() const { return (flags_ & 3) != 1 && !(flags_ & 010000000); }
  bool writable() const { return (flags_ & 3) != 0 && !(flags_ & 010000000); }

 private:
  void forget_epoll_items();
  void forget_owner();
  void forget_watchers() {
    if (epoll_items) forget_epoll_items();
    if (async::watched_files) forget_owner();
  }
  static constexpr uint32_t NotCounted = ~uint32_t(0);
  uint32_t holders_ = NotCounted;

 protected:
  explicit File(uint32_t flags) : flags_(flags) {}
  void count_holders() { holders_ = 0; }
  // Nobody will use it any more: its peers are told. Called once, by the destructor or in its place.
  virtual void closed() {}
  uint32_t flags_;
};

// What stat() tells of files that are nowhere: eventfd, epoll, pidfd and their like.
Attributes anonymous_attributes();

}  // namespace pl
