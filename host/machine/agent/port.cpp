// SPDX-License-Identifier: BSD-2-Clause
#include "port.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

namespace pl::machine::agent {

Port::Port(Loop& loop, Descriptor fd, Events events) : fd_(std::move(fd)), events_(std::move(events)) {
  watch_ = Loop::Watch(loop, fd_.get(), EPOLLIN, [this](uint32_t what) { on_event(what); });
}

void Port::send(Type type, uint32_t session, Stream stream, std::span<const std::byte> payload) {
  append(queue_.tail(), type, session, static_cast<uint8_t>(stream), payload);
  flush();
}

ssize_t Port::relay(int fd, uint32_t session, Stream stream, size_t most) {
  static std::byte buffer[kHeaderSize + kMaxPayload];
  const ssize_t size = ::read(fd, buffer + kHeaderSize, std::min(most, kMaxPayload));
  if (size <= 0) return size;
  write_header(buffer, Type::kData, session, static_cast<uint8_t>(stream), static_cast<size_t>(size));
  put({buffer, kHeaderSize + static_cast<size_t>(size)});
  return size;
}

void Port::on_event(uint32_t events) {
  if (events & EPOLLHUP) return events_.on_lost("the daemon has closed the port");
  if (events & EPOLLOUT) flush();
  if (events & EPOLLIN) receive();
}

void Port::receive() {
  const std::span<std::byte> space = reader_.space();
  const ssize_t size = ::read(fd_.get(), space.data(), space.size());
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) events_.on_lost("the port cannot be read");
    return;
  }
  reader_.commit(static_cast<size_t>(size));
  for (;;) {
    const auto frame = reader_.next();
    if (!frame) return events_.on_lost(describe(frame.error()));
    if (!*frame) return;
    events_.on_frame(**frame);
  }
}

size_t Port::write_now(std::span<const std::byte> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = ::write(fd_.get(), bytes.data() + done, bytes.size() - done);
    if (size <= 0) break;
    done += static_cast<size_t>(size);
  }
  return done;
}

void Port::put(std::span<const std::byte> bytes) {
  const size_t done = queue_.empty() ? write_now(bytes) : 0;
  queue_.push(bytes.subspan(done));
  flush();
}

void Port::flush() {
  if (!queue_.empty()) queue_.pop(write_now(queue_.front()));
  watch_.want(queue_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  if (full()) {
    was_full_ = true;
  } else if (was_full_ && queue_.size() < kFull / 2) {
    was_full_ = false;
    events_.on_drained();
  }
}

}  // namespace pl::machine::agent
