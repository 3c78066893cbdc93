// SPDX-License-Identifier: BSD-2-Clause
// What termios(3) sets, as the kernel's ABI on riscv64 has it (uapi asm-generic/termbits.h).
#pragma once

#include <cstdint>

namespace pl {

struct TerminalModes {
  uint32_t input = 0, output = 0, control = 0, local = 0;
  uint8_t line = 0, characters[19] = {};
};
static_assert(sizeof(TerminalModes) == 36);

struct TerminalSize {
  uint16_t rows = 0, columns = 0, x = 0, y = 0;
};

namespace input_mode {
constexpr uint32_t IgnoreBreak = 01, Break = 02, IgnoreParity = 04, MarkParity = 010, CheckParity = 020, Strip = 040, NewlineToReturn = 0100,
                   IgnoreReturn = 0200, ReturnToNewline = 0400, LowerCase = 01000, StartStop = 02000, AnyStarts = 04000, StopInput = 010000,
                   BellWhenFull = 020000, Utf8 = 040000;
}
namespace output_mode {
constexpr uint32_t Process = 01, UpperCase = 02, NewlineReturns = 04, ReturnToNewline = 010, NoReturnAtStart = 020, NewlineIsReturn = 040,
                   TabDelay = 014000, ExpandTabs = 014000;
}
namespace control_mode {
constexpr uint32_t Speed38400 = 017, Size8 = 060, Read = 0200;
}
namespace local_mode {
constexpr uint32_t Signals = 01, Canonical = 02, Echo = 010, EchoErase = 020, EchoKill = 040, EchoNewline = 0100, NoFlush = 0200,
                   StopBackground = 0400, EchoControl = 01000, EchoPrint = 02000, EchoKillErase = 04000, Extended = 0100000;
}
namespace control_character {
enum : unsigned { Interrupt, Quit, Erase, Kill, EndOfFile, Time, Minimum, Switch, Start, Stop, Suspend, EndOfLine, Reprint, Discard, WordErase,
                  LiteralNext, EndOfLine2 };
}

// A new terminal's (tty_std_termios of Linux).
constexpr TerminalModes initial_terminal_modes() {
  TerminalModes m;
  m.input = input_mode::ReturnToNewline | input_mode::StartStop;
  m.output = output_mode::Process | output_mode::NewlineReturns;
  m.control = control_mode::Speed38400 | control_mode::Size8 | control_mode::Read;
  m.local = local_mode::Signals | local_mode::Canonical | local_mode::Echo | local_mode::EchoErase | local_mode::EchoKill |
            local_mode::EchoControl | local_mode::EchoKillErase | local_mode::Extended;
  constexpr uint8_t characters[] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0};
  for (unsigned i = 0; i < sizeof characters; ++i) m.characters[i] = characters[i];
  return m;
}

}  // namespace pl
