// SPDX-License-Identifier: BSD-2-Clause
#include "fs/terminal.h"

#include <cstring>

#include "ocall/operations.h"
#include "process/process.h"
#include "process/send.h"

namespace pl {

namespace {

enum : uint32_t {
  GetModes = 0x5401, SetModes = 0x5402, SetModesDrain = 0x5403, SetModesFlush = 0x5404, SendBreak = 0x5409, Flow = 0x540a, Flush = 0x540b,
  Control = 0x540e, GetGroup = 0x540f, SetGroup = 0x5410, GetSize = 0x5413, SetSize = 0x5414, BytesReadable = 0x541b, DropControl = 0x5422,
  GetSession = 0x5429, GetModes2 = 0x802c542a, SetModes2 = 0x402c542b, SetModes2Drain = 0x402c542c, SetModes2Flush = 0x402c542d,
};

struct Modes {  // struct termios of the kernel's ABI
  uint32_t input, output, control, local;
  uint8_t line, characters[19];
};
static_assert(sizeof(Modes) == 36);
struct Modes2 {
  Modes modes;
  uint32_t input_speed, output_speed;
};
static_assert(sizeof(Modes2) == 44);
struct Size { uint16_t rows, columns, x, y; };

Modes to_program(const pl_terminal& t) {
  Modes m{t.iflag, t.oflag, t.cflag, t.lflag, t.line, {}};
  std::memcpy(m.characters, t.cc, sizeof m.characters);
  return m;
}

ErrorOr<uint64_t> set_modes(uint32_t handle, const Modes& m) {
  pl_terminal t{};
  t.iflag = m.input;
  t.oflag = m.output;
  t.cflag = m.control;
  t.lflag = m.local;
  t.line = m.line;
  std::memcpy(t.cc, m.characters, sizeof t.cc);
  TRY(ocall::set_terminal(handle, t));
  return 0;
}

}  // namespace

ErrorOr<uint64_t> terminal_ioctl(uint32_t handle, uint32_t command, UserAddress argument) {
  switch (command) {
    case GetModes: TRY(UserOut<Modes>{argument}.write(to_program(TRY(ocall::terminal(handle))))); return 0;
    case SetModes:
    case SetModesDrain:
    case SetModesFlush: return set_modes(handle, TRY(UserIn<Modes>{argument}.read()));
    case GetModes2: {
      constexpr uint32_t Speed = 38400;
      TRY(UserOut<Modes2>{argument}.write({to_program(TRY(ocall::terminal(handle))), Speed, Speed}));
      return 0;
    }
    case SetModes2:
    case SetModes2Drain:
    case SetModes2Flush: return set_modes(handle, TRY(UserIn<Modes2>{argument}.read()).modes);
    case GetSize: {
      pl_terminal t = TRY(ocall::terminal(handle));
      TRY(UserOut<Size>{argument}.write({t.rows, t.columns, t.xpixels, t.ypixels}));
      return 0;
    }
    case GetGroup: TRY(UserOut<int>{argument}.write(foreground_group())); return 0;
    case SetGroup: {
      int group = TRY(UserIn<int>{argument}.read());
      if (group <= 0) return fail(Errno::Invalid);
      bool in_session = false, exists = false;
      for_each_process([&](Process& p) {
        if (p.group == group) exists = true, in_session |= p.session == current_process().session;
        return true;
      });
      if (!exists) return fail(Errno::NoProcess);
      if (!in_session) return fail(Errno::Perm);
      set_foreground_group(group);
      return 0;
    }
    case GetSession: TRY(UserOut<int>{argument}.write(current_process().session)); return 0;
    case BytesReadable: {
      auto ready = ocall::poll(handle, 1);
      TRY(UserOut<int>{argument}.write(ready && *ready & 1 ? 1 : 0));
      return 0;
    }
    // Nothing of ours is buffered, and there is one terminal only.
    case SendBreak:
    case Flow:
    case Flush:
    case Control:
    case DropControl: return 0;
    case SetSize: return fail(Errno::Perm);
    default: return fail(Errno::NotTerminal);
  }
}

}  // namespace pl
