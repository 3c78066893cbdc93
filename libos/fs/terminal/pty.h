// SPDX-License-Identifier: BSD-2-Clause
// Pseudoterminals (pty(7)): a master, opened as /dev/ptmx, and its slave at /dev/pts/NUMBER.
#pragma once

#include <cstdint>

#include "base/list.h"
#include "fs/file.h"
#include "fs/terminal/line_discipline.h"
#include "fs/terminal/terminal.h"

namespace pl {

class Pty final : public RefCounted, public Terminal {
 public:
  static constexpr int MaxPtys = 4096;

  Pty() = default;
  ~Pty() override;

  uint64_t device() const override;
  ErrorOr<TerminalModes> modes() override { return discipline.modes(); }
  ErrorOr<void> set_modes(const TerminalModes& modes, Apply when) override;
  ErrorOr<TerminalSize> size() override { return size_; }
  ErrorOr<void> set_size(TerminalSize size) override;
  ErrorOr<uint32_t> readable_bytes() override { return uint32_t(discipline.readable()); }
  void discard(bool input, bool output) override;
  void stop_output(bool stop) override;
  ErrorOr<void> drain() override;

  // What the master typed; wakes readers and sends the signals that a key means. Returns how many bytes were taken.
  size_t type(const uint8_t* bytes, size_t count);
  // The master has seen some output: writers go on.
  void screen_read();
  void discard_shown();  // it wants none of it
  // The slave wrote something.
  void screen_changed();

  int number = -1;
  uint32_t owner = 0, group = 0, mode = 0620;
  bool locked = true;        // unlockpt(3)
  bool master_open = true;
  uint32_t slaves = 0;       // open descriptions
  bool slave_was_open = false;
  bool master_wants_room = false, slave_wants_room = false;  // found none, and is to be told of some by a signal (O_ASYNC)
  bool packets = false;      // TIOCPKT: each read of the master starts with a status byte
  uint8_t status = 0;        // what changed since the last such read (TIOCPKT_*)
  uint64_t typed = 0, shown = 0;  // counts for edge-triggered epoll
  LineDiscipline discipline;
  WaitQueue typing, reading, screen, writing;  // for room to type, for input, for output, for room to write
  ListLink<Pty> link;

 private:
  TerminalSize size_;
};

// /dev/ptmx: a new pair's master.
ErrorOr<Ref<File>> open_pty_master(Ref<Inode> node, uint32_t flags);
// /dev/pts/NUMBER, and /dev/tty of a session whose terminal is one. EIO: locked, or its master is closed.
ErrorOr<Ref<File>> open_pty_slave(Pty& pty, Ref<Inode> node, uint32_t flags);

Pty* find_pty(int number);
// The first with a number greater than this; null behind the last.
Pty* pty_after(int number);
Pty* pty_of_session(int session);

constexpr uint32_t PtyMajor = 136;

}  // namespace pl
