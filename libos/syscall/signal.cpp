// SPDX-License-Identifier: BSD-2-Clause
// Signals: asking for them, waiting for them, sending them.
#include <cstring>

#include "process/deliver.h"
#include "process/process.h"
#include "process/scheduler.h"
#include "process/send.h"
#include "syscall/table.h"

namespace pl {

namespace {

bool is_signal(int number) { return number >= 1 && number <= sig::Count; }
ErrorOr<void> check_set_size(size_t bytes) {
  if (bytes != sizeof(SignalSet)) return fail(Errno::Invalid);
  return {};
}

SignalInfo from_current(int number, int code) {
  SignalInfo info;
  info.number = number;
  info.code = code;
  info.sender = {current_process().pid, current_credentials().uid, 0};
  return info;
}

void discard_pending(Process& process, int number) {
  process.pending.discard(SignalSet::of(number));
  for (Thread& thread : process.threads) thread.pending.discard(SignalSet::of(number));
}

}  // namespace

Result sys_rt_sigaction(int number, UserIn<SignalAction> in, UserOut<SignalAction> out, size_t bytes) {
  TRY(check_set_size(bytes));
  if (!is_signal(number)) return fail(Errno::Invalid);
  Process& process = current_process();
  SignalAction old = (*process.actions)[number];
  if (in) {
    if (number == sig::Kill || number == sig::Stop) return fail(Errno::Invalid);
    SignalAction action = TRY(in.read());
    action.mask = action.mask & ~Unblockable;
    (*process.actions)[number] = action;
    // POSIX 2.4.3: what is pending and now ignored is discarded, blocked or not.
    if (action.ignored(number)) discard_pending(process, number);
  }
  if (out) TRY(out.write(old));
  return 0;
}

Result sys_rt_sigprocmask(int how, UserIn<SignalSet> in, UserOut<SignalSet> out, size_t bytes) {
  TRY(check_set_size(bytes));
  Thread& thread = current_thread();
  SignalSet old = thread.blocked;
  if (in) {
    SignalSet set = TRY(in.read());
    switch (how) {
      case 0: set_blocked(thread, old | set); break;
      case 1: set_blocked(thread, old & ~set); break;
      case 2: set_blocked(thread, set); break;
      default: return fail(Errno::Invalid);
    }
  }
  if (out) TRY(out.write(old));
  return 0;
}

Result sys_rt_sigpending(UserAddress out, size_t bytes) {
  if (bytes > sizeof(SignalSet)) return fail(Errno::Invalid);
  Thread& thread = current_thread();
  SignalSet set = (thread.pending.set() | thread.process->pending.set()) & thread.blocked;
  TRY(copy_to_user(out, &set, bytes));
  return 0;
}

Result sys_rt_sigsuspend(UserIn<SignalSet> mask, size_t bytes) {
  TRY(check_set_size(bytes));
  SignalSet set = TRY(mask.read());
  Thread& thread = current_thread();
  thread.blocked_before = thread.blocked;
  thread.restore_blocked = true;
  set_blocked(thread, set);
  while (sleep(NoDeadline, Sleep::Interruptible)) {}
  thread.work |= WorkSignal;
  return fail(Errno::RestartNoHandler);
}

Result sys_rt_sigtimedwait(UserIn<SignalSet> in, UserOut<RawSignalInfo> out, UserIn<TimeSpec> timeout, size_t bytes) {
  TRY(check_set_size(bytes));
  SignalSet wanted = TRY(in.read()) & ~Unblockable;
  uint64_t deadline = NoDeadline;
  if (timeout) {
    TimeSpec t = TRY(timeout.read());
    if (!t.valid()) return fail(Errno::Invalid);
    deadline = ticks_now() + tick_rate().from(t);
  }
  Thread& thread = current_thread();
  SignalInfo info;
  auto take = [&] { return thread.pending.take(wanted, info) || thread.process->pending.take(wanted, info); };
  bool taken = take();
  while (!taken) {
    thread.waited_for = wanted;
    auto slept = sleep(deadline, Sleep::Interruptible);
    thread.waited_for = {};
    taken = take();
    if (taken || slept) continue;
    if (slept.error() == Errno::TimedOut) return fail(Errno::Again);
    // Interrupted: a signal with a handler, or one that stops or ends the process; POSIX has EINTR for the former.
    if (thread.has_deliverable_signal()) {
      thread.work |= WorkSignal;
      return fail(Errno::RestartNoHandler);
    }
  }
  if (out) {
    RawSignalInfo raw{};
    memcpy(&raw, &info, sizeof(info));
    TRY(out.write(raw));
  }
  return uint64_t(info.number);
}

Result sys_sigaltstack(UserIn<SignalStackArgument> in, UserOut<SignalStackArgument> out) {
  constexpr uint64_t Least = 2048;  // MINSIGSTKSZ
  Thread& thread = current_thread();
  uint64_t sp = thread.frame.sp();
  SignalStack old = thread.alternate_stack;
  bool active = old.contains(sp) && !(old.flags & SignalStack::AutoDisarm);
  if (in) {
    auto wanted = TRY(in.read());
    uint32_t flags = uint32_t(wanted.flags), mode = flags & ~SignalStack::AutoDisarm;
    if (active) return fail(Errno::Perm);
    if (mode != 0 && mode != SignalStack::Disabled && mode != SignalStack::On) return fail(Errno::Invalid);
    if (mode == SignalStack::Disabled) {
      thread.alternate_stack = {};
    } else {
      if (wanted.size < Least) return fail(Errno::NoMemory);
      thread.alternate_stack = {wanted.base, wanted.size, flags & SignalStack::AutoDisarm};
    }
  }
  if (out) {
    uint32_t state = !old.size ? uint32_t(SignalStack::Disabled) : (active ? uint32_t(SignalStack::On) : 0u) | (old.flags & SignalStack::AutoDisarm);
    TRY(out.write({old.base, int32_t(state), 0, old.size}));
  }
  return 0;
}

Result sys_rt_sigreturn() {
  Thread& thread = current_thread();
  if (!return_from_signal(thread)) force_fatal_signal(sig::Segv);
  return thread.frame.a(0);
}

Result sys_restart_syscall() {
  Thread& thread = current_thread();
  if (!thread.restart.function) return fail(Errno::Interrupted);
  return thread.restart.function(thread.restart);
}

// ---- sending ----

namespace {

// As an init does that belongs to root and has no handler: nothing reaches it.
Result signal_adopter() { return current_credentials().has(Capability::Kill) ? Result(0) : fail(Errno::Perm); }

}  // namespace

Result sys_kill(int pid, int number) {
  if (number && !is_signal(number)) return fail(Errno::Invalid);
  Process& me = current_process();
  if (pid == AdopterPid) return signal_adopter();
  SignalInfo info = from_current(number, sigcode::User);
  bool found = false, allowed = false;
  Errno error = Errno::Perm;
  auto send = [&](Process& process) {
    found = true;
    if (!may_signal(process, process.credentials, number)) return;
    if (number) {
      auto sent = send_signal(process, info);
      if (!sent) {
        error = sent.error();
        return;
      }
    }
    allowed = true;
  };
  if (pid > 0) {
    if (Process* process = find_process(pid)) send(*process);
  } else {
    if (pid == INT32_MIN) return fail(Errno::NoProcess);
    int group = pid == 0 ? me.group : -pid;
    for_each_process([&](Process& process) {
      // -1: everyone that may be signalled, but not oneself (Linux, kill(2)).
      if (pid == -1 ? &process != &me : process.group == group) send(process);
      return true;
    });
  }
  if (!found) return fail(Errno::NoProcess);
  if (!allowed) return fail(error);
  return 0;
}

namespace {

Result send_to_thread(int pid, int tid, int number, const SignalInfo& info) {
  if (number && !is_signal(number)) return fail(Errno::Invalid);
  Thread* thread = find_thread(tid);
  if (!thread || !thread->process || (pid > 0 && thread->process->pid != pid)) return fail(Errno::NoProcess);
  if (!may_signal(*thread->process, *thread->credentials, number)) return fail(Errno::Perm);
  if (number) TRY(send_signal(*thread, info));
  return 0;
}

// si_code of a queued signal: a program may not claim to be the kernel, nor kill(2), to others.
ErrorOr<SignalInfo> read_queued(UserIn<RawSignalInfo> in, int number, bool to_itself) {
  auto raw = TRY(in.read());
  SignalInfo info;
  memcpy(&info, &raw, sizeof(info));
  info.number = number;
  if ((info.code >= 0 || info.code == sigcode::Tkill) && !to_itself) return fail(Errno::Perm);
  return info;
}

}  // namespace

Result sys_tkill(int tid, int number) {
  if (tid <= 0) return fail(Errno::Invalid);
  return send_to_thread(0, tid, number, from_current(number, sigcode::Tkill));
}

Result sys_tgkill(int pid, int tid, int number) {
  if (pid <= 0 || tid <= 0) return fail(Errno::Invalid);
  return send_to_thread(pid, tid, number, from_current(number, sigcode::Tkill));
}

Result sys_rt_sigqueueinfo(int pid, int number, UserIn<RawSignalInfo> in) {
  SignalInfo info = TRY(read_queued(in, number, pid == current_thread().tid));
  if (number && !is_signal(number)) return fail(Errno::Invalid);
  if (pid == AdopterPid) return signal_adopter();
  Process* process = find_process(pid);
  if (!process) return fail(Errno::NoProcess);
  if (!may_signal(*process, process->credentials, number)) return fail(Errno::Perm);
  if (number) TRY(send_signal(*process, info));
  return 0;
}

Result sys_rt_tgsigqueueinfo(int pid, int tid, int number, UserIn<RawSignalInfo> in) {
  if (pid <= 0 || tid <= 0) return fail(Errno::Invalid);
  SignalInfo info = TRY(read_queued(in, number, tid == current_thread().tid));
  return send_to_thread(pid, tid, number, info);
}

// ---- what fs/ may ask for: fs/context.h ----

void signal_broken_pipe() { (void)send_signal(current_thread(), from_current(sig::Pipe, sigcode::User)); }
void signal_file_size() { (void)send_signal(current_thread(), SignalInfo::kernel(sig::FileLimit)); }

}  // namespace pl
