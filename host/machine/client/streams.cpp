// SPDX-License-Identifier: BSD-2-Clause
// A command's standard streams and its terminal: what comes from the machine goes to ours, and ours goes there, as far as there is credit.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "runner.h"

namespace pl::machine {

void Runner::look_at_descriptors() {
  for (int fd = 0; fd < 3; ++fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
      spawn_.absent |= static_cast<uint8_t>(1 << fd);
      continue;
    }
    if (::isatty(fd)) spawn_.terminals |= static_cast<uint8_t>(1 << fd);
    const bool stream = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || S_ISCHR(status.st_mode);
    if (fd == 0) {
      input_pipe_ = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
      if (S_ISREG(status.st_mode)) input_start_ = ::lseek(0, 0, SEEK_CUR);
    } else {
      sinks_[static_cast<size_t>(fd - 1)].stream = stream;
      if (!(spawn_.terminals & (1 << fd))) sinks_[static_cast<size_t>(fd - 1)].fd = fd;
    }
  }
  // What a command shows on its terminal goes to ours: 1 if that is it, else 2, else 0, which a terminal lets us write to.
  if (spawn_.terminals) sinks_[2].fd = spawn_.terminals & 2 ? 1 : spawn_.terminals & 4 ? 2 : 0;
  if (spawn_.absent & 1) input_open_ = false;
  if (spawn_.terminals & 1) terminal_ = std::make_unique<Terminal>(0);
  if (spawn_.terminals) spawn_.window = window_size();
  if (terminal_) spawn_.modes = terminal_->modes();
}

void Runner::take(const Frame& frame) {
  if (frame.stream == 0) return;
  Sink& sink = sinks_[static_cast<size_t>(frame.stream - 1)];
  if (!sink.window.received(frame.payload.size())) {
    say("the machine sends more than it was granted");
    lost_ = true;
    return end(kOurFailure);
  }
  const auto stream = static_cast<Stream>(frame.stream);
  if (sink.fd < 0) {
    if (const uint32_t grant = sink.window.consumed(frame.payload.size())) send(Type::kCredit, stream, encode_number(grant));
    return;
  }
  sink.pending.push(frame.payload);
  if (!sink.stream) drain(sink, stream);
}

// For a sink that is a stream only after poll() has said that it takes something. A pipe then takes PIPE_BUF bytes without
// blocking; O_NONBLOCK would do as well, but the descriptor is shared with others who did not ask for it.
void Runner::drain(Sink& sink, Stream stream) {
  while (!sink.pending.empty()) {
    auto front = sink.pending.front();
    if (sink.stream) front = front.first(std::min<size_t>(front.size(), PIPE_BUF));
    const ssize_t size = ::write(sink.fd, front.data(), front.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;  // whoever shares it has made it so
    if (size < 0) {
      if (errno != EPIPE && errno != EIO) say(fmt::format("cannot write the command's output: {}", std::strerror(errno)));
      return close_sink(sink, stream);
    }
    sink.pending.pop(static_cast<size_t>(size));
    if (const uint32_t grant = sink.window.consumed(static_cast<size_t>(size))) send(Type::kCredit, stream, encode_number(grant));
    if (!sink.stream) continue;
    pollfd again{sink.fd, POLLOUT, 0};
    if (::poll(&again, 1, 0) != 1 || !(again.revents & POLLOUT)) return;
  }
}

// Nobody reads our output any more, so nobody shall read the command's: its next write fails.
void Runner::close_sink(Sink& sink, Stream stream) {
  sink.fd = -1;
  sink.pending.clear();
  if (!status_) send(Type::kClose, stream, {});
}

void Runner::read_input() {
  static std::byte buffer[kMaxPayload];
  const size_t room = std::min(sizeof(buffer), input_window_.available());
  const ssize_t size = ::read(STDIN_FILENO, buffer, room);
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (size <= 0) {
    input_open_ = false;
    return send(Type::kEnd, Stream::kInput, {});
  }
  input_window_.sent(static_cast<size_t>(size));
  send(Type::kData, Stream::kInput, {buffer, static_cast<size_t>(size)});
}

// The command does not read any more: whoever writes to us shall see it.
void Runner::close_input() {
  input_open_ = false;
  if (!input_pipe_) return;
  const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::dup2(null.get(), STDIN_FILENO);
}

}  // namespace pl::machine
