// SPDX-License-Identifier: BSD-2-Clause
// A terminal as job control sees it (POSIX 11.1): whose controlling terminal it is, and which group is in the foreground. The host's is one
// (its line discipline is the host's), each pseudoterminal another.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "fs/terminal/modes.h"
#include "memory/user.h"

namespace pl {

// When new modes count (tcsetattr(3)).
enum class Apply : uint8_t { Now, Drained, Flushed };

class Terminal {
 public:
  int session = 0;     // it is this session's controlling terminal; 0: nobody's
  int foreground = 0;  // process group
  bool exclusive = false;  // TIOCEXCL: nobody else may open it (EBUSY), but who has CAP_SYS_ADMIN

  virtual uint64_t device() const = 0;  // its number, as stat() has it
  virtual ErrorOr<TerminalModes> modes() = 0;
  virtual ErrorOr<void> set_modes(const TerminalModes& modes, Apply when) = 0;
  virtual ErrorOr<TerminalSize> size() = 0;
  virtual ErrorOr<void> set_size(TerminalSize size) = 0;
  virtual ErrorOr<uint32_t> readable_bytes() = 0;
  virtual void discard(bool /*input*/, bool /*output*/) {}
  virtual void stop_output(bool /*stop*/) {}
  virtual ErrorOr<void> drain() { return {}; }

 protected:
  constexpr Terminal() = default;
  ~Terminal() = default;
};

// The ioctls of ioctl_tty(2) that every terminal has; ENOTTY for others.
ErrorOr<uint64_t> terminal_ioctl(Terminal& terminal, uint32_t command, UserAddress argument);

// Null: the session has none. The current process's, by default.
Terminal* terminal_of_session(int session);
Terminal* controlling_terminal();
// A process opens it without O_NOCTTY: the leader of a session that has none gets it (POSIX 11.1.3).
void offer_terminal(Terminal& terminal);
// A session's leader has ended, or the terminal is gone: SIGHUP and SIGCONT to the foreground, and it is nobody's.
void hang_up(Terminal& terminal);
void hang_up_session(int session);

// A process of the background reads (SIGTTIN), or writes or changes the terminal (SIGTTOU): EIO, or RestartSystemCall when its group was
// told; nothing when it may.
ErrorOr<void> check_background(Terminal& terminal, int signal);
// The same for a write, which only TOSTOP forbids.
ErrorOr<void> check_background_write(Terminal& terminal);

}  // namespace pl
