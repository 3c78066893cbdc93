// SPDX-License-Identifier: BSD-2-Clause
#include "server/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "server/operations.h"

namespace pl {
namespace {

// tcsetattr() from the background stops the caller with SIGTTOU, unless that is blocked (POSIX, tcsetattr).
int set_modes(int descriptor, const termios& modes) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTTOU);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  int error = tcsetattr(descriptor, TCSANOW, &modes) < 0 ? errno : 0;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return error;
}

}  // namespace

std::expected<pl_terminal, int> Terminal::get(int descriptor) {
  termios modes;
  winsize size{};
  if (tcgetattr(descriptor, &modes) < 0) return std::unexpected(errno);
  ioctl(descriptor, TIOCGWINSZ, &size);
  pl_terminal out{};
  out.iflag = modes.c_iflag;
  out.oflag = modes.c_oflag;
  out.cflag = modes.c_cflag;
  out.lflag = modes.c_lflag;
  out.line = modes.c_line;
  std::memcpy(out.cc, modes.c_cc, std::min(sizeof out.cc, sizeof modes.c_cc));
  out.rows = size.ws_row;
  out.columns = size.ws_col;
  out.xpixels = size.ws_xpixel;
  out.ypixels = size.ws_ypixel;
  return out;
}

int Terminal::set(int descriptor, const pl_terminal& asked) {
  termios modes;
  if (tcgetattr(descriptor, &modes) < 0) return errno;
  if (descriptor_ < 0) {
    descriptor_ = descriptor;
    found_ = modes;
  }
  modes.c_iflag = asked.iflag;
  modes.c_oflag = asked.oflag;
  // The line's speed, size and control belong to the host.
  constexpr tcflag_t kHosts = CBAUD | CSIZE | CLOCAL | CRTSCTS | HUPCL | CREAD;
  modes.c_cflag = (asked.cflag & ~kHosts) | (modes.c_cflag & kHosts);
  modes.c_lflag = asked.lflag;
  std::memcpy(modes.c_cc, asked.cc, std::min(sizeof asked.cc, sizeof modes.c_cc));
  wanted_ = modes;
  return set_modes(descriptor, modes);
}

void Terminal::restore() {
  if (descriptor_ >= 0) set_modes(descriptor_, found_);
}

void Terminal::reapply() {
  if (descriptor_ >= 0) set_modes(descriptor_, wanted_);
}

Outcome operation_terminal_get(Instance& instance, const pl_request& request) {
  Handle* handle = instance.handles().stream(request.handle);
  if (!handle) return failed(EBADF);
  auto place = instance.window().data(request.buffer, sizeof(pl_terminal));
  if (!place) return failed(EINVAL);
  auto state = Terminal::get(handle->descriptor);
  if (!state) return failed(ENOTTY);
  std::memcpy(place->data(), &*state, sizeof *state);
  return {};
}

Outcome operation_terminal_set(Instance& instance, const pl_request& request) {
  Handle* handle = instance.handles().stream(request.handle);
  if (!handle) return failed(EBADF);
  auto place = instance.window().data(request.buffer, sizeof(pl_terminal));
  if (!place) return failed(EINVAL);
  pl_terminal modes;
  std::memcpy(&modes, place->data(), sizeof modes);
  return failed(instance.terminal().set(handle->descriptor, modes));
}

Outcome operation_time(Instance&, const pl_request&) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return {.value = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec)};
}

}  // namespace pl
