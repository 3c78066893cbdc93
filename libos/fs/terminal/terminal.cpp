// SPDX-License-Identifier: BSD-2-Clause
#include "fs/terminal/terminal.h"

#include "fs/terminal/host_terminal.h"
#include "fs/terminal/pty.h"
#include "process/exit.h"
#include "process/process.h"
#include "process/send.h"

namespace pl {

namespace {

enum : uint32_t {
  GetModes = 0x5401, SetModes = 0x5402, SetModesDrain = 0x5403, SetModesFlush = 0x5404, SendBreak = 0x5409, Flow = 0x540a, Flush = 0x540b,
  MakeControlling = 0x540e, GetGroup = 0x540f, SetGroup = 0x5410, BytesToScreen = 0x5411, GetSize = 0x5413, SetSize = 0x5414,
  BytesReadable = 0x541b, DropControlling = 0x5422, SendBreakPosix = 0x5425, GetSession = 0x5429, GetModes2 = 0x802c542a,
  SetExclusive = 0x540c, SetShared = 0x540d, SetDiscipline = 0x5423, GetDiscipline = 0x5424, GetDevice = 0x80045432,
  GetExclusive = 0x80045440, SetModes2 = 0x402c542b, SetModes2Drain = 0x402c542c, SetModes2Flush = 0x402c542d,
};

struct Modes2 {  // struct termios2
  TerminalModes modes;
  uint32_t input_speed, output_speed;
};
static_assert(sizeof(Modes2) == 44);
constexpr uint32_t Speed = 38400;

Apply when_of(uint32_t command) {
  switch (command) {
    case SetModesDrain: case SetModes2Drain: return Apply::Drained;
    case SetModesFlush: case SetModes2Flush: return Apply::Flushed;
    default: return Apply::Now;
  }
}

ErrorOr<uint64_t> set_modes(Terminal& terminal, const TerminalModes& modes, Apply when) {
  TRY(check_background(terminal, sig::TerminalOutput));
  if (when != Apply::Now) TRY(terminal.drain());
  TRY(terminal.set_modes(modes, when));
  return 0;
}

ErrorOr<uint64_t> set_group(Terminal& terminal, int group) {
  const Process& me = current_process();
  if (group <= 0) return fail(Errno::Invalid);
  if (terminal.session != me.session) return fail(Errno::NotTerminal);
  TRY(check_background(terminal, sig::TerminalOutput));
  bool in_session = false, exists = false;
  for_each_process([&](Process& p) {
    if (p.group == group) exists = true, in_session |= p.session == me.session;
    return true;
  });
  if (!exists) return fail(Errno::NoProcess);
  if (!in_session) return fail(Errno::Perm);
  terminal.foreground = group;
  return 0;
}

ErrorOr<uint64_t> make_controlling(Terminal& terminal, bool steal) {
  const Process& me = current_process();
  if (me.session != me.pid) return fail(Errno::Perm);
  if (terminal.session == me.session) return 0;
  if (controlling_terminal()) return fail(Errno::Perm);
  if (terminal.session && !(steal && current_credentials().has(Capability::Administration))) return fail(Errno::Perm);
  terminal.session = me.session;
  terminal.foreground = me.group;
  return 0;
}

ErrorOr<uint64_t> drop_controlling(Terminal& terminal) {
  const Process& me = current_process();
  if (terminal.session != me.session) return fail(Errno::NotTerminal);
  // Only the leader's word counts for the session (Linux: for others the call changes nothing that can be seen here).
  if (me.session == me.pid) hang_up(terminal);
  return 0;
}

}  // namespace

ErrorOr<uint64_t> terminal_ioctl(Terminal& terminal, uint32_t command, UserAddress argument) {
  switch (command) {
    case GetModes: TRY(UserOut<TerminalModes>{argument}.write(TRY(terminal.modes()))); return 0;
    case GetModes2: TRY(UserOut<Modes2>{argument}.write({TRY(terminal.modes()), Speed, Speed})); return 0;
    case SetModes: case SetModesDrain: case SetModesFlush:
      return set_modes(terminal, TRY(UserIn<TerminalModes>{argument}.read()), when_of(command));
    case SetModes2: case SetModes2Drain: case SetModes2Flush:
      return set_modes(terminal, TRY(UserIn<Modes2>{argument}.read()).modes, when_of(command));
    case GetSize: TRY(UserOut<TerminalSize>{argument}.write(TRY(terminal.size()))); return 0;
    case SetSize: TRY(terminal.set_size(TRY(UserIn<TerminalSize>{argument}.read()))); return 0;
    case GetGroup:
      if (terminal.session != current_process().session) return fail(Errno::NotTerminal);
      TRY(UserOut<int>{argument}.write(terminal.foreground));
      return 0;
    case SetGroup: return set_group(terminal, TRY(UserIn<int>{argument}.read()));
    case GetSession:
      if (terminal.session != current_process().session) return fail(Errno::NotTerminal);
      TRY(UserOut<int>{argument}.write(terminal.session));
      return 0;
    case MakeControlling: return make_controlling(terminal, argument.value == 1);
    case DropControlling: return drop_controlling(terminal);
    case BytesReadable: TRY(UserOut<int>{argument}.write(int(TRY(terminal.readable_bytes())))); return 0;
    case BytesToScreen: TRY(UserOut<int>{argument}.write(0)); return 0;
    case Flush:
      TRY(check_background(terminal, sig::TerminalOutput));
      if (argument.value > 2) return fail(Errno::Invalid);
      terminal.discard(argument.value != 1, argument.value != 0);
      return 0;
    case Flow:
      TRY(check_background(terminal, sig::TerminalOutput));
      if (argument.value > 3) return fail(Errno::Invalid);
      if (argument.value < 2) terminal.stop_output(argument.value == 0);
      return 0;
    case SetExclusive: case SetShared: terminal.exclusive = command == SetExclusive; return 0;
    case GetExclusive: TRY(UserOut<int>{argument}.write(terminal.exclusive)); return 0;
    case GetDevice: TRY(UserOut<int>{argument}.write(int(terminal.device()))); return 0;
    // N_TTY is the only line discipline.
    case GetDiscipline: TRY(UserOut<int>{argument}.write(0)); return 0;
    case SetDiscipline: return TRY(UserIn<int>{argument}.read()) ? fail(Errno::Invalid) : ErrorOr<uint64_t>(0);
    case SendBreak: case SendBreakPosix:
      if (argument.value) TRY(terminal.drain());  // tcdrain(3)
      return 0;
    default: return fail(Errno::NotTerminal);
  }
}

Terminal* controlling_terminal() { return terminal_of_session(current_process().session); }

Terminal* terminal_of_session(int session) {
  if (host_terminal().session == session && host_terminal_handle() >= 0) return &host_terminal();
  return pty_of_session(session);
}

void offer_terminal(Terminal& terminal) {
  const Process& me = current_process();
  if (terminal.session || me.session != me.pid || controlling_terminal()) return;
  terminal.session = me.session;
  terminal.foreground = me.group;
}

void hang_up(Terminal& terminal) {
  const int group = terminal.foreground, session = terminal.session;
  terminal.session = terminal.foreground = 0;
  auto tell = [](int to, int number) { (void)send_signal_to_group(to, SignalInfo::kernel(number)); };  // it may have no member left
  if (group) tell(group, sig::Hup), tell(group, sig::Cont);
  if (!session) return;
  Process* leader = find_process(session);
  if (!leader || leader->group == group) return;
  (void)send_signal(*leader, SignalInfo::kernel(sig::Hup));
  (void)send_signal(*leader, SignalInfo::kernel(sig::Cont));
}

void hang_up_session(int session) {
  if (host_terminal().session == session) hang_up(host_terminal());
  if (Terminal* terminal = pty_of_session(session)) hang_up(*terminal);
}

ErrorOr<void> check_background(Terminal& terminal, int signal) {
  Process& me = current_process();
  if (terminal.session != me.session || terminal.foreground == me.group || !terminal.foreground) return {};
  const bool unheard = current_thread().blocked.has(signal) || (*me.actions)[signal].handler == SignalAction::Ignore;
  if (unheard) return signal == sig::TerminalInput ? ErrorOr<void>(fail(Errno::Io)) : ErrorOr<void>();
  if (is_orphaned(me.group)) return fail(Errno::Io);
  (void)send_signal_to_group(me.group, SignalInfo::kernel(signal));
  return fail(Errno::RestartSystemCall);
}

ErrorOr<void> check_background_write(Terminal& terminal) {
  if (terminal.session != current_process().session || terminal.foreground == current_process().group) return {};
  if (!(TRY(terminal.modes()).local & local_mode::StopBackground)) return {};
  return check_background(terminal, sig::TerminalOutput);
}

}  // namespace pl
