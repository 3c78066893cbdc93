// SPDX-License-Identifier: BSD-2-Clause
#include "process/trap.h"

#include <cstddef>

#include "arch/layout.h"
#include "base/lock.h"
#include "base/log.h"
#include "fs/async.h"
#include "ocall/ring.h"
#include "arch/time.h"
#include "process/debug.h"
#include "process/deliver.h"
#include "process/exit.h"
#include "process/scheduler.h"
#include "process/send.h"
#include "shadow/point.h"

namespace pl {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winvalid-offsetof"
static_assert(offsetof(Thread, frame) == 0 && offsetof(Thread, work) == PL_THREAD_WORK && offsetof(Thread, original_a0) == PL_THREAD_ORIGINAL_A0);
#pragma clang diagnostic pop

namespace {

// The way back to the program when there is something to do first.
[[gnu::noinline]] void work_before_user(Thread& me, RestartCall restart) {
  for (;;) {
    if (me.work & WorkFreeze) {
      me.work &= ~WorkFreeze;
      shadow::freeze_at_call(me);
    } else if (me.work & WorkDebug) {
      me.work &= ~WorkDebug;
      debug::wait_for_turn(me);
    } else if (me.work & WorkAsync) {
      me.work &= ~WorkAsync;
      async::look();
    } else if (me.work & WorkSignal) {
      handle_signals(me, restart);
      restart = RestartCall::No;
    } else if (me.work & WorkReschedule) {
      me.work &= ~WorkReschedule;
      schedule();
    } else {
      break;
    }
  }
  if (me.work & WorkTimer) {
    me.work &= ~WorkTimer;
    me.delay = 0;
    set_hart_timer();
  }
}

void fault_signal(int number, int code, uint64_t address) {
  SignalInfo info;
  info.number = number;
  info.code = code;
  info.fault.address = address;
  force_signal(info);
}

void page_fault(Thread& me, uint64_t address, FaultAccess access) {
  ++me.minor_faults;
  auto fault = me.address_space->handle_fault(UserAddress(address), access);
  if (!fault) {
    if (fault.error() == Errno::Interrupted) return;  // the instruction faults again once the signal is handled
    log_line("out of memory: process %d is killed", me.process->pid);
    exit_group(sig::Kill);
  }
  if (fault->signal) fault_signal(fault->signal, fault->code, address);
}

void misaligned(Thread& me, uint64_t address) {
  Emulation done = emulate_misaligned(me.frame, address);
  switch (done.outcome) {
    case Emulation::Handled: break;
    case Emulation::Fault: page_fault(me, done.address, done.store ? FaultAccess::Write : FaultAccess::Read); break;
    case Emulation::Illegal: fault_signal(sig::Bus, sigcode::BusAlign, address); break;
  }
}

}  // namespace

void finish_trap(Thread& thread) {
  must_hold_no_lock("return");
  if (thread.work) work_before_user(thread, RestartCall::No);
}

extern "C" void finish_system_call() {
  must_hold_no_lock("return");
  work_before_user(current_thread(), RestartCall::IfInterrupted);
}

extern "C" void user_trap(TrapFrame*, uint64_t number, uint64_t value) {
  Thread& me = current_thread();
  const auto cause = Cause(number);
  switch (cause) {
    case Cause::FetchPage: page_fault(me, value, FaultAccess::Execute); break;
    case Cause::LoadPage: page_fault(me, value, FaultAccess::Read); break;
    case Cause::StorePage: page_fault(me, value, FaultAccess::Write); break;
    case Cause::LoadMisaligned: case Cause::StoreMisaligned: misaligned(me, value); break;
    case Cause::FetchMisaligned: fault_signal(sig::Bus, sigcode::BusAlign, value); break;
    case Cause::Illegal: fault_signal(sig::Ill, sigcode::IllegalOpcode, me.frame.pc); break;
    case Cause::Breakpoint:
      if (shadow::take_breakpoint(me)) break;
      fault_signal(sig::Trap, sigcode::TrapBreakpoint, me.frame.pc); break;
    case Cause::TimerInterrupt: timer_interrupt(); break;
    case Cause::SoftwareInterrupt:
      clear_software_interrupt();
      ocall::take_events();
      deliver_host_signals(ocall::take_signals());
      break;
    default: panic("unexpected trap from user mode: cause %lx, value %lx, pc %lx", number, value, me.frame.pc);
  }
  if (me.work) work_before_user(me, RestartCall::No);
}

}  // namespace pl
