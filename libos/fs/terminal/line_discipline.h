// SPDX-License-Identifier: BSD-2-Clause
// What a terminal does with bytes on their way in and out (POSIX 11.1, termios(3)): lines, editing, echo, signals, newlines. It knows no
// process and no file: who calls it wakes sleepers and sends the signals that it asks for.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "fs/terminal/modes.h"

namespace pl {

class LineDiscipline {
 public:
  static constexpr size_t InputBytes = 4096, OutputBytes = 4096;

  const TerminalModes& modes() const { return modes_; }
  // What was typed stays, and becomes readable when lines are no longer asked for.
  void set_modes(const TerminalModes& modes);

  // ---- from the keyboard ----
  // A byte that was typed. Returns the signal that it means, or 0.
  int receive(uint8_t byte);
  // False: whoever types has to wait until something was read. A line that got too long is no reason to wait: nobody could read it
  // before it ends, so what comes is dropped with a bell.
  bool takes_input() const { return typed() < InputBytes - 1 || (modes_.local & local_mode::Canonical && finished_ == taken_); }

  // ---- to the program ----
  // Bytes that read() would give now; in canonical mode of finished lines only.
  size_t readable() const;
  // An end of file, or the rest of a line, is at the front: a read ends, be it with nothing.
  bool has_line() const { return finished_ != taken_; }
  // At most `bytes`; in canonical mode not beyond the end of a line. An end of file is taken and gives 0.
  size_t take(uint8_t* to, size_t bytes);

  // ---- from the program, to the screen ----
  // How many of `bytes` were taken: all, unless the screen is behind or was stopped (^S).
  size_t write(const uint8_t* from, size_t bytes);
  bool takes_output() const { return !stopped_ && room() >= Margin; }
  size_t to_screen() const { return stopped_ ? 0 : output_head_ - output_tail_; }
  size_t take_screen(uint8_t* to, size_t bytes);

  void discard_input();
  void discard_output() { output_tail_ = output_head_; }
  void stop() { stopped_ = true; }
  void start() { stopped_ = false; }
  bool stopped() const { return stopped_; }

 private:
  static constexpr size_t Margin = 16;  // one byte becomes at most eight (a tab), or an erased one three times two
  static constexpr uint8_t Disabled = 0;  // _POSIX_VDISABLE

  size_t typed() const { return typed_ - taken_; }
  size_t room() const { return OutputBytes - (output_head_ - output_tail_); }
  bool is(unsigned which, uint8_t byte) const { return byte != Disabled && modes_.characters[which] == byte; }
  bool wants(uint32_t local) const { return modes_.local & local; }
  void store(uint8_t byte, bool ends_line);
  void finish_line() { finished_ = typed_; }
  int signal_of(uint8_t byte) const;
  bool edit(uint8_t byte);
  void erase_one(bool visibly);
  void erase_word();
  void erase_line(uint8_t byte);
  void reprint(uint8_t byte);
  void echo(uint8_t byte);
  void rub_out(uint8_t byte);
  unsigned width_before(size_t position) const;
  void put_processed(uint8_t byte);
  void put(uint8_t byte);

  TerminalModes modes_ = initial_terminal_modes();
  // Positions run freely. taken_ <= finished_ <= typed_: what a read may have, and the line that is being edited.
  size_t taken_ = 0, finished_ = 0, typed_ = 0;
  size_t output_tail_ = 0, output_head_ = 0;
  unsigned column_ = 0, line_column_ = 0;  // of the screen; where the line being edited began
  bool literal_ = false, stopped_ = false;
  std::bitset<InputBytes> ends_;         // a line ends behind this byte
  std::bitset<InputBytes> end_of_file_;  // the byte is none, but an end of file
  uint8_t input_[InputBytes], output_[OutputBytes];
};

}  // namespace pl
