// SPDX-License-Identifier: BSD-2-Clause
#include "server/stream.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace pl {
namespace {

// n_tty takes at least this much at once when it says that it is writable (WAKEUP_CHARS).
constexpr size_t kTerminalChunk = 256;

int result_of(ssize_t result) {
  if (result >= 0) return static_cast<int>(result);
  return errno == EINTR ? -EAGAIN : -errno;
}

}  // namespace

int Channel::read(std::span<std::byte>) { return -EBADF; }
int Channel::write(std::span<const std::byte>) { return -EBADF; }

std::optional<Stream> Stream::adopt(int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) < 0) return std::nullopt;
  Stream stream;
  stream.descriptor_ = descriptor;
  if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) || S_ISBLK(status.st_mode)) {
    stream.kind_ = Kind::Regular;
    return stream;
  }
  if (S_ISSOCK(status.st_mode)) {
    stream.kind_ = Kind::Socket;
    return stream;
  }
  stream.kind_ = S_ISFIFO(status.st_mode) ? Kind::Pipe : Kind::Device;
  stream.terminal_ = isatty(descriptor);
  // O_NONBLOCK belongs to the open file description, which the shell and our siblings share: set it on one of our own.
  if (stream.kind_ == Kind::Pipe || stream.terminal_) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int mode = fcntl(descriptor, F_GETFL) & O_ACCMODE;
    stream.own_ = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  }
  return stream;
}

Stream& Stream::operator=(Stream&& other) noexcept {
  descriptor_ = other.descriptor_;
  std::swap(own_, other.own_);
  kind_ = other.kind_;
  terminal_ = other.terminal_;
  channel_ = other.channel_;
  return *this;
}

Stream::~Stream() {
  if (own_ >= 0) close(own_);
}

int Stream::read(std::span<std::byte> buffer) {
  if (channel_) return channel_->read(buffer);
  if (kind_ == Kind::Socket) return result_of(recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT));
  if (own_ < 0 && kind_ != Kind::Regular && !poll(POLLIN)) return -EAGAIN;
  return result_of(::read(descriptor(), buffer.data(), buffer.size()));
}

int Stream::write(std::span<const std::byte> buffer) {
  if (channel_) return channel_->write(buffer);
  if (kind_ == Kind::Socket)
    return result_of(send(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  if (own_ < 0 && kind_ != Kind::Regular) {
    if (!poll(POLLOUT)) return -EAGAIN;
    // pipe(7): a pipe that poll() calls writable has room for PIPE_BUF bytes.
    if (kind_ == Kind::Pipe) buffer = buffer.first(std::min<size_t>(buffer.size(), PIPE_BUF));
    if (terminal_) buffer = buffer.first(std::min(buffer.size(), kTerminalChunk));
  }
  return result_of(::write(descriptor(), buffer.data(), buffer.size()));
}

uint32_t Stream::poll(uint32_t events) const {
  if (descriptor() < 0) return events & (POLLIN | POLLOUT);
  pollfd entry{descriptor(), static_cast<short>(events & (POLLIN | POLLOUT)), 0};
  if (::poll(&entry, 1, 0) <= 0) return 0;
  if (entry.revents & POLLNVAL) return POLLERR;
  return static_cast<uint32_t>(entry.revents) & ((events & (POLLIN | POLLOUT)) | POLLERR | POLLHUP);
}

}  // namespace pl
