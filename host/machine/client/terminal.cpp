// SPDX-License-Identifier: BSD-2-Clause
#include "terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace pl::machine {

Terminal::Terminal(int fd) : fd_(fd) { ::tcgetattr(fd_, &original_); }

bool Terminal::ours() const { return ::tcgetpgrp(fd_) == ::getpgrp(); }

void Terminal::make_raw() {
  if (raw_ || !ours()) return;
  // Another program may have changed it while this one was stopped.
  ::tcgetattr(fd_, &original_);
  termios raw = original_;
  ::cfmakeraw(&raw);
  raw_ = ::tcsetattr(fd_, TCSADRAIN, &raw) == 0;
}

void Terminal::restore() {
  if (!raw_) return;
  raw_ = false;
  // From the background this would stop us; the terminal must be put right all the same.
  sigset_t block, before;
  ::sigemptyset(&block);
  ::sigaddset(&block, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &block, &before);
  ::tcsetattr(fd_, TCSADRAIN, &original_);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

TerminalModes Terminal::modes() const {
  TerminalModes modes;
  modes.input = original_.c_iflag;
  modes.output = original_.c_oflag;
  modes.control = original_.c_cflag;
  modes.local = original_.c_lflag;
  std::copy_n(original_.c_cc, modes.characters.size(), modes.characters.begin());
  return modes;
}

WindowSize window_size() {
  for (int fd : {STDOUT_FILENO, STDIN_FILENO, STDERR_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0) return {size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel};
  }
  return {};
}

}  // namespace pl::machine
