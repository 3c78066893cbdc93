// SPDX-License-Identifier: BSD-2-Clause
// The user's terminal while a command inside has it: raw, so that every key goes inside, and as it was before in the end.
#pragma once

#include <termios.h>

#include "../wire/message.h"

namespace pl::machine {

class Terminal {
 public:
  // `fd`: a terminal. Nothing is changed yet.
  explicit Terminal(int fd);
  ~Terminal() { restore(); }
  Terminal(const Terminal&) = delete;

  // Does nothing while another job is in front: it is that job's terminal. Call again on SIGCONT.
  void make_raw();
  void restore();
  // False while another job is in front: reading would stop us, as if the command had read.
  bool ours() const;
  TerminalModes modes() const;

 private:
  int fd_;
  termios original_{};
  bool raw_ = false;
};

// Of the first of the three standard descriptors that is a terminal.
WindowSize window_size();

}  // namespace pl::machine
