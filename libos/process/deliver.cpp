// SPDX-License-Identifier: BSD-2-Clause
#include "process/deliver.h"

#include <cstring>

#include "memory/user.h"
#include "process/debug.h"
#include "process/exit.h"
#include "process/scheduler.h"
#include "process/send.h"
#include "process/trace.h"

namespace pl {

namespace {

constexpr uint64_t RestartSystemCallNumber = 128;

// Stays here while the process is stopped.
void park(Thread& thread) {
  auto stays = [&] { return thread.process->state == ProcessState::Stopped && !thread.process->exiting; };
  if (stays() && system_calls_are_traced()) trace_stop(thread);
  while (stays()) {
    thread.state = ThreadState::Stopped;
    schedule();
  }
}

bool take_signal(Thread& thread, SignalInfo& info) {
  return thread.pending.take(~thread.blocked, info) || thread.process->pending.take(~thread.blocked, info);
}

// The next signal with a handler; false when there is none (any more). Default actions happen here.
bool next_handled(Thread& thread, SignalInfo& info, SignalAction& action) {
  Process& process = *thread.process;
  for (;;) {
    if (process.exiting && process.survivor != &thread) exit_thread(process.group_exit_status);
    park(thread);
    if (process.exiting && process.survivor != &thread) continue;
    if (!take_signal(thread, info)) return false;
    if (system_calls_are_traced()) trace_signal(thread, info);
    if (!debug::may_take(thread, info)) continue;
    int number = info.number;
    action = (*process.actions)[number];
    if (number != sig::Kill && number != sig::Stop) {
      if (action.handler == SignalAction::Ignore) continue;
      if (action.handler != SignalAction::Default) {
        if (action.flags & SignalAction::ResetHandler) (*process.actions)[number].handler = SignalAction::Default;
        return true;
      }
    }
    switch (default_action(number)) {
      case DefaultAction::Ignore:
      case DefaultAction::Continue:
        break;
      case DefaultAction::Stop:
        if (number == sig::Stop || !is_orphaned(process.group)) stop_process(process, number);
        break;
      case DefaultAction::Core:  // RLIMIT_CORE is 0: nothing is dumped, nor said to be
        debug::stop(PL_STOP_FATAL, info);
        [[fallthrough]];
      case DefaultAction::Terminate:
        exit_group(number);
    }
  }
}

uint64_t frame_place(const Thread& thread, const SignalAction& action) {
  uint64_t sp = thread.frame.x[RegisterSp];
  const SignalStack& alternate = thread.alternate_stack;
  bool on_alternate = alternate.contains(sp);
  // An overflowing alternate stack must not run into what lies below it.
  if (on_alternate && !alternate.contains(sp - sizeof(SignalFrame))) return 0;
  if ((action.flags & SignalAction::OnStack) && alternate.size && !on_alternate) sp = alternate.base + alternate.size;
  return (sp - sizeof(SignalFrame)) & ~uint64_t(15);
}

bool push_frame(Thread& thread, const SignalInfo& info, const SignalAction& action) {
  uint64_t place = frame_place(thread, action);
  if (!place) return false;
  TrapFrame& registers = thread.frame;
  save_floats(thread);

  SignalFrame frame;
  memset(&frame, 0, sizeof(frame));  // no byte of the libOS's stack reaches the program
  memcpy(frame.info, &info, sizeof(info));
  auto& context = frame.context;
  const SignalStack& alternate = thread.alternate_stack;
  context.stack_base = alternate.base;
  context.stack_size = alternate.size;
  context.stack_flags = int32_t(alternate.size ? (alternate.contains(registers.x[RegisterSp]) ? SignalStack::On : 0u) |
                                                     (alternate.flags & SignalStack::AutoDisarm)
                                               : uint32_t(SignalStack::Disabled));
  context.mask = thread.restore_blocked ? thread.blocked_before : thread.blocked;
  context.registers[0] = registers.pc;
  memcpy(context.registers + 1, registers.x + 1, 31 * sizeof(uint64_t));
  memcpy(context.floats.f, thread.floats.f, sizeof(context.floats.f));
  context.floats.fcsr = uint32_t(thread.floats.fcsr);
  if (!copy_to_user(UserAddress(place), &frame, sizeof(frame))) return false;

  registers.x[RegisterRa] = thread.process->signal_trampoline.value;
  registers.pc = action.handler;
  registers.x[RegisterSp] = place;
  registers.a(0) = uint64_t(info.number);
  registers.a(1) = place + offsetof(SignalFrame, info);
  registers.a(2) = place + offsetof(SignalFrame, context);

  thread.restore_blocked = false;
  if (alternate.flags & SignalStack::AutoDisarm) thread.alternate_stack = {};
  SignalSet blocked = thread.blocked | action.mask;
  if (!(action.flags & SignalAction::NoDefer)) blocked.add(info.number);
  set_blocked(thread, blocked);
  return true;
}

}  // namespace

void set_blocked(Thread& thread, SignalSet blocked) {
  thread.blocked = blocked & ~Unblockable;
  if (thread.has_deliverable_signal()) thread.work |= WorkSignal;
}

void handle_signals(Thread& thread, RestartCall restart) {
  TrapFrame& frame = thread.frame;
  thread.work &= ~WorkSignal;
  if (thread.frame_replaced) restart = RestartCall::No;
  thread.frame_replaced = false;

  int64_t error = -int64_t(frame.a(0));
  bool interrupted = restart == RestartCall::IfInterrupted &&
                     (error == int(Errno::RestartSystemCall) || error == int(Errno::RestartAlways) ||
                      error == int(Errno::RestartNoHandler) || error == int(Errno::RestartBlock));
  SignalInfo info;
  SignalAction action;
  while (next_handled(thread, info, action)) {
    if (thread.frame_replaced) interrupted = false;  // by a debugger
    if (interrupted) {
      interrupted = false;
      if (error == int(Errno::RestartAlways) ||
          (error == int(Errno::RestartSystemCall) && (action.flags & SignalAction::Restart))) {
        frame.a(0) = thread.original_a0;
        frame.pc -= 4;
      } else {
        frame.a(0) = uint64_t(-int64_t(Errno::Interrupted));
      }
    }
    // POSIX leaves it open what becomes of a signal whose frame cannot be written; Linux kills.
    if (!push_frame(thread, info, action)) force_fatal_signal(sig::Segv);
  }
  if (interrupted && !thread.frame_replaced) {
    // No handler ran: the call goes on as if nothing had happened.
    frame.a(0) = thread.original_a0;
    if (error == int(Errno::RestartBlock)) frame.x[RegisterA7] = RestartSystemCallNumber;
    frame.pc -= 4;
  }
  if (thread.restore_blocked) {
    thread.restore_blocked = false;
    set_blocked(thread, thread.blocked_before);
  }
}

bool return_from_signal(Thread& thread) {
  TrapFrame& registers = thread.frame;
  UserAddress place(registers.x[RegisterSp]);
  SignalFrame frame;
  if (place.value & 15 || !copy_from_user(&frame, place, sizeof(frame))) return false;
  const auto& context = frame.context;
  for (uint32_t word : context.floats.reserved)
    if (word) return false;

  registers.pc = context.registers[0];
  memcpy(registers.x + 1, context.registers + 1, 31 * sizeof(uint64_t));
  memcpy(thread.floats.f, context.floats.f, sizeof(thread.floats.f));
  thread.floats.fcsr = context.floats.fcsr & 0xff;
  load_floats(thread);

  uint32_t flags = uint32_t(context.stack_flags);
  if (flags & SignalStack::Disabled) thread.alternate_stack = {};
  else thread.alternate_stack = {context.stack_base, context.stack_size, flags & SignalStack::AutoDisarm};
  thread.restart = {};
  thread.frame_replaced = true;
  thread.work |= WorkSignal;  // clears frame_replaced
  set_blocked(thread, context.mask);
  return true;
}

}  // namespace pl
