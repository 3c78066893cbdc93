// SPDX-License-Identifier: BSD-2-Clause
#include "process/send.h"

#include "fs/terminal/host_terminal.h"
#include "penglai/ocall.h"
#include "process/debug.h"
#include "process/exit.h"
#include "process/process.h"
#include "process/scheduler.h"

namespace pl {

namespace {

void discard_everywhere(Process& process, SignalSet which) {
  process.pending.discard(which);
  for (Thread& thread : process.threads) thread.pending.discard(which);
}

// Signals that act when they are sent, whether blocked or not (signal(7), "Stop signals" and POSIX 2.4.3).
void act_on_generation(Process& process, int number) {
  if (number == sig::Cont) {
    discard_everywhere(process, StopSignals);
    continue_process(process);
  } else if (StopSignals.has(number)) {
    discard_everywhere(process, SignalSet::of(sig::Cont));
  } else if (number == sig::Kill) {
    resume_threads(process);
  }
}

bool is_ignored(const Process& process, const Thread* thread, int number) {
  if (thread ? thread->blocked.has(number) || thread->waited_for.has(number) : false) return false;
  return (*process.actions)[number].ignored(number);
}

// A thread that can take a process's signal now: the leader if it does not block it, else any other.
Thread* taker(Process& process, int number) {
  auto takes = [number](const Thread& t) {
    return t.state != ThreadState::Dead && (!t.blocked.has(number) || t.waited_for.has(number));
  };
  if (process.leader && takes(*process.leader)) return process.leader;
  for (Thread& thread : process.threads)
    if (takes(thread)) return &thread;
  return nullptr;
}

}  // namespace

void signal_wake(Thread& thread) {
  thread.work |= WorkSignal;
  if (thread.state == ThreadState::Sleeping && thread.interruptible) wake_thread(thread);
  else kick(thread);
}

void interrupt_all_threads(Process& process) {
  for (Thread& thread : process.threads) signal_wake(thread);
}

ErrorOr<void> send_signal(Process& process, const SignalInfo& info) {
  if (process.state == ProcessState::Zombie) return {};
  int number = info.number;
  act_on_generation(process, number);
  Thread* main = process.leader ? process.leader : process.threads.first();
  if (number != sig::Kill && is_ignored(process, main, number)) return {};
  TRY(process.pending.add(info));
  process.actions->tell_watchers();
  if (number == sig::Kill) interrupt_all_threads(process);
  else if (Thread* thread = taker(process, number)) signal_wake(*thread);
  return {};
}

ErrorOr<void> send_signal(Thread& thread, const SignalInfo& info) {
  if (thread.state == ThreadState::Dead) return {};
  int number = info.number;
  act_on_generation(*thread.process, number);
  if (number == sig::Kill) return send_signal(*thread.process, info);
  if (is_ignored(*thread.process, &thread, number)) return {};
  TRY(thread.pending.add(info));
  thread.process->actions->tell_watchers();
  if (!thread.blocked.has(number) || thread.waited_for.has(number)) signal_wake(thread);
  return {};
}

void send_timer_signal(Process& process, Thread* thread, QueuedSignal& signal) {
  if (process.state == ProcessState::Zombie) return;
  int number = signal.info.number;
  act_on_generation(process, number);
  Thread* main = thread ? thread : process.leader ? process.leader : process.threads.first();
  if (is_ignored(process, main, number)) return;
  if (thread) {
    thread->pending.add(signal);
    if (!thread->blocked.has(number) || thread->waited_for.has(number)) signal_wake(*thread);
  } else {
    process.pending.add(signal);
    if (Thread* t = taker(process, number)) signal_wake(*t);
  }
  process.actions->tell_watchers();
}

ErrorOr<void> send_signal_to_group(int group, const SignalInfo& info) {
  bool found = false;
  for_each_process([&](Process& process) {
    if (process.group == group && process.state != ProcessState::Zombie) {
      found = true;
      (void)send_signal(process, info);  // a group's members that have no room for it do not fail the call
    }
    return true;
  });
  if (!found) return fail(Errno::NoProcess);
  return {};
}

void force_signal(const SignalInfo& info) {
  Thread& thread = current_thread();
  SignalAction& action = (*thread.process->actions)[info.number];
  bool blocked = thread.blocked.has(info.number);
  if (blocked || action.handler == SignalAction::Ignore) {
    // Linux: an unhandlable fault kills.
    action.handler = SignalAction::Default;
    thread.blocked.remove(info.number);
  }
  (void)thread.pending.add(info);  // without memory the number alone is pending
  thread.work |= WorkSignal;
}

void force_fatal_signal(int number) {
  Thread& thread = current_thread();
  (*thread.process->actions)[number].handler = SignalAction::Default;
  thread.blocked.remove(number);
  (void)thread.pending.add(SignalInfo::kernel(number));
  thread.work |= WorkSignal;
}

bool may_signal(const Process& target, const Credentials& other, int number) {
  const Credentials& own = current_credentials();
  if (own.has(Capability::Kill) || &target == &current_process()) return true;
  if (own.euid == other.suid || own.euid == other.uid || own.uid == other.suid || own.uid == other.uid) return true;
  return number == sig::Cont && current_process().session == target.session;
}

void deliver_host_signals(uint32_t signals) {
  if (signals & PL_SIGNAL_DEBUG) debug::stop(PL_STOP_INTERRUPT);
  signals &= PL_SIGNALS;
  while (signals) {
    int number = __builtin_ctz(signals);
    signals &= signals - 1;
    (void)send_signal_to_group(host_terminal().foreground, SignalInfo::kernel(number));  // a group without members has nobody to tell
  }
}

}  // namespace pl
