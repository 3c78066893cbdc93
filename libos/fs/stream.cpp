// SPDX-License-Identifier: BSD-2-Clause
#include "fs/stream.h"

#include <algorithm>
#include <cstring>

#include "fs/abi.h"
#include "fs/terminal/host_terminal.h"
#include "fs/text.h"
#include "ocall/operations.h"
#include "ocall/ring.h"
#include "process/signal.h"

namespace pl {

ErrorOr<size_t> StreamFile::read(Buffer& to) {
  if (!readable()) return fail(Errno::BadDescriptor);
  if (to.left() == 0) return 0;
  const bool terminal = is_host_terminal(handle_);
  for (;;) {
    if (terminal) TRY(check_background(host_terminal(), sig::TerminalInput));
    uint32_t before = ocall::readiness(handle_);
    {
      auto window = TRY(ocall::WindowBuffer::allocate(to.left()));
      // Who gets a signal (O_ASYNC) is told as well when there is more.
      const bool tell = !nonblocking() || flags() & open_flag::Async;
      auto reply = ocall::call({.operation = PL_OP_READ, .flags = uint16_t(tell ? PL_REQUEST_NOTIFY : 0), .handle = handle_,
                                .buffer = window.offset(), .length = window.size()});
      if (reply) {
        size_t n = TRY(reply->result.at_most(window.size()));
        if (n) TRY(to.put(window.bytes(), n));
        return n;
      }
      if (reply.error() != Errno::Again || nonblocking()) return fail(reply.error());
    }
    TRY(ocall::wait_ready(handle_, before));
  }
}

ErrorOr<size_t> StreamFile::write(Buffer& from) {
  if (!writable()) return fail(Errno::BadDescriptor);
  size_t done = 0;
  while (from.left()) {
    uint32_t before = ocall::readiness(handle_);
    ErrorOr<void> went;
    {
      auto window = TRY(ocall::WindowBuffer::allocate(from.left()));
      Buffer attempt = from;
      went = attempt.take(window.bytes(), window.size());
      if (went) {
        auto reply = ocall::call({.operation = PL_OP_WRITE, .flags = uint16_t(nonblocking() ? 0 : PL_REQUEST_NOTIFY), .handle = handle_,
                                  .buffer = window.offset(), .length = window.size()});
        if (reply) {
          size_t n = TRY(reply->result.at_most(window.size()));
          // Taking again what the host accepted moves the buffer on.
          if (n == window.size()) from = attempt;
          else if (n) TRY(from.take(window.bytes(), n));
          done += n;
          if (n) continue;
          went = fail(Errno::Io);  // a stream that takes nothing and says nothing
        } else {
          went = fail(reply.error());
        }
      }
    }
    if (went.error() == Errno::Again && !nonblocking()) went = ocall::wait_ready(handle_, before);
    if (!went) return done ? ErrorOr<size_t>(done) : fail(went.error());
  }
  return done;
}

uint32_t StreamFile::poll(PollTable* table) {
  if (table) table->watch(ocall::ready_queue(handle_));
  bool terminal = is_host_terminal(handle_);
  uint32_t asked = handle_ == 0 || device_ ? poll_event::In : poll_event::Out;
  auto got = ocall::poll(handle_, asked);
  if (!got) return poll_event::Error;
  uint32_t events = *got & (poll_event::Error | poll_event::HangUp);
  if (*got & poll_event::In) events |= poll_event::Readable;
  if (*got & poll_event::Out || (terminal && asked == poll_event::In)) events |= poll_event::Writable;
  return events;
}

Terminal* StreamFile::as_terminal() { return is_host_terminal(handle_) ? &host_terminal() : nullptr; }

uint64_t StreamFile::activity() { return ocall::readiness(handle_); }

ErrorOr<Attributes> StreamFile::attributes() {
  if (device_) return device_->attributes();
  if (ocall::closed_to_host()) return Attributes{.mode = file_mode::Fifo | 0600, .links = 1};  // no two instances need have the same
  return ocall::stat(handle_);
}

ErrorOr<uint64_t> StreamFile::ioctl(uint32_t command, UserAddress argument) {
  if (!is_host_terminal(handle_)) return fail(Errno::NotTerminal);
  return terminal_ioctl(host_terminal(), command, argument);
}

size_t StreamFile::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  if (is_host_terminal(handle_)) text << "/dev/tty";
  else text << "host:[" << handle_ << "]";
  return text.length();
}

}  // namespace pl
