// SPDX-License-Identifier: BSD-2-Clause
#include "process/exit.h"

#include <algorithm>

#include "arch/monitor.h"
#include "fs/async.h"
#include "fs/terminal/terminal.h"
#include "memory/frame_allocator.h"
#include "memory/user.h"
#include "ocall/ring.h"
#include "process/debug.h"
#include "process/futex.h"
#include "process/scheduler.h"
#include "process/send.h"
#include "process/trace.h"
#include "shadow/shadow.h"

namespace pl {

namespace {

SignalInfo child_information(const Process& child, int code, int status) {
  SignalInfo info;
  info.number = sig::Child;
  info.code = code;
  Process::Usage usage = child.usage();
  // clock_t of siginfo counts in 1/100 s.
  int64_t hundredths = int64_t(tick_rate().to_nanoseconds(usage.cpu_ticks) / 10'000'000);
  info.child = {child.pid, child.credentials.uid, status, 0, hundredths, 0};
  return info;
}

void tell_parent(Process& child, int code, int status) {
  Process* parent = child.parent;
  if (!parent) return;
  if (!((*parent->actions)[sig::Child].flags & SignalAction::NoChildStop))
    (void)send_signal(*parent, child_information(child, code, status));  // never fails for a standard signal
  parent->child_changed.wake_all();
}

bool reaps_itself(const Process& process) {
  if (!process.parent) return true;
  if (process.exit_signal != sig::Child) return false;
  const SignalAction& action = (*process.parent->actions)[sig::Child];
  return action.handler == SignalAction::Ignore || (action.flags & SignalAction::NoChildWait);
}

void hang_up_if_stopped(int group) {
  bool stopped = false;
  for_each_process([&](Process& p) {
    stopped |= p.group == group && p.state == ProcessState::Stopped;
    return !stopped;
  });
  if (!stopped || !is_orphaned(group)) return;
  (void)send_signal_to_group(group, SignalInfo::kernel(sig::Hup));
  (void)send_signal_to_group(group, SignalInfo::kernel(sig::Cont));
}

// Orphans go to the nearest ancestor that asked for them (PR_SET_CHILD_SUBREAPER), or to pid 1, which reaps what has ended.
void give_away_children(Process& process) {
  Process* adopter = process.parent;
  while (adopter && !adopter->subreaper) adopter = adopter->parent;
  while (Process* child = process.children.first()) {
    int group = child->group;
    child->set_parent(adopter);
    child->exit_signal = sig::Child;
    for (Thread& thread : child->threads)
      if (thread.death_signal) (void)send_signal(*child, SignalInfo::kernel(int(thread.death_signal)));
    if (child->state == ProcessState::Zombie) {
      if (adopter) tell_parent(*child, sigcode::ChildExited, child->exit_status >> 8 & 0xff);
      else child->destroy();
      continue;
    }
    hang_up_if_stopped(group);
  }
}

// The last thread: everything the process holds goes, but what its parent may ask for.
void end_process(Process& process, Thread& last) {
  debug::stop_of(PL_STOP_EXIT, 0, process.exit_status);
  if (process.is_first()) {
    shadow::explain();
    auto totals = frames::totals();
    ocall::set_pages(uint32_t((totals.bytes - totals.free_bytes) >> PageShift));
    monitor::exit(uint32_t(process.exit_status));
  }
  process.timers.stop_all();
  ipc::apply_undo(process.undo);
  release_vfork(process);
  process.note_resident();
  last.last_address_space = std::move(process.address_space);
  process.descriptors = {};
  if (last.work & WorkAsync) async::look();  // it will not get to where work is done
  process.file_context = {};
  process.executable = {};
  give_away_children(process);
  process.pending.discard({~uint64_t(0)});

  int group = process.group;
  if (process.pid == process.session) hang_up_session(process.session);  // POSIX _Exit(), a session leader's end
  last.unlink();
  process.state = ProcessState::Zombie;
  if (process.handle) process.handle->ended.wake_all();
  Process* parent = process.parent;
  bool reap = reaps_itself(process);
  if (parent) {
    if (process.exit_signal && !(reap && (*parent->actions)[sig::Child].handler == SignalAction::Ignore)) {
      int signal = process.exit_status & 0x7f;
      SignalInfo info = child_information(process, signal ? sigcode::ChildKilled : sigcode::ChildExited,
                                          signal ? signal : process.exit_status >> 8 & 0xff);
      info.number = process.exit_signal;
      (void)send_signal(*parent, info);
    }
    parent->child_changed.wake_all();
  }
  if (reap) process.destroy();
  hang_up_if_stopped(group);
}

}  // namespace

void release_vfork(Process& process) {
  VforkWait* wait = std::exchange(process.vfork_parent, nullptr);
  if (!wait) return;
  wait->done = true;
  wait->queue.wake_all();
}

void exit_thread(int status) {
  Thread& thread = current_thread();
  Process& process = *thread.process;
  release_futexes(thread, FutexOwner::Ends);
  bool memory_lives_on = process.thread_count > 1 || process.address_space->references() > 1;
  if (thread.clear_child_tid && memory_lives_on) {
    int zero = 0;
    if (copy_to_user(thread.clear_child_tid, &zero, sizeof(zero))) (void)wake_futex(thread.clear_child_tid, 1);
  }
  thread.pending.discard({~uint64_t(0)});
  cancel_timer(thread.wake_timer);
  debug::thread_ends(thread);

  process.ended.cpu_ticks += cpu_ticks(thread);
  process.ended.system_ticks += thread.system_ticks;
  process.ended.minor_faults += thread.minor_faults;
  process.ended.voluntary += thread.voluntary_switches;
  process.ended.involuntary += thread.involuntary_switches;
  // So that it is not counted twice until it is gone.
  thread.cpu_ticks = thread.system_ticks = 0;
  thread.minor_faults = thread.voluntary_switches = thread.involuntary_switches = 0;
  thread.started_running = ticks_now();

  if (process.exiting) status = process.group_exit_status;
  if (system_calls_are_traced()) trace_end(thread, status, process.thread_count == 1);
  if (process.thread_count == 1) {
    process.exit_status = status;
    end_process(process, thread);
  } else {
    thread.last_address_space = process.address_space;
    thread.unlink();
    process.thread_exited.wake_all();
  }
  thread.state = ThreadState::Dead;
  leave_for_good();
}

void exit_group(int status) {
  Process& process = current_process();
  if (!process.exiting || process.survivor) {
    process.exiting = true;
    process.survivor = nullptr;
    process.group_exit_status = status;
    interrupt_all_threads(process);
    resume_threads(process);
  }
  exit_thread(status);
}

ErrorOr<void> become_only_thread() {
  Thread& me = current_thread();
  Process& process = *me.process;
  if (process.exiting) return fail(Errno::Again);  // another thread's exit or execve came first
  if (process.thread_count > 1) {
    process.exiting = true;
    process.survivor = &me;
    interrupt_all_threads(process);
    resume_threads(process);
    while (process.thread_count > 1 && process.survivor == &me)
      (void)wait_for(process.thread_exited, NoDeadline, Sleep::Uninterruptible, [&] { return process.thread_count == 1; });
    if (process.survivor != &me) return fail(Errno::Again);
    process.exiting = false;
    process.survivor = nullptr;
  }
  if (me.tid != process.pid) me.rename(process.pid);
  process.leader = &me;
  return {};
}

void stop_process(Process& process, int signal) {
  if (process.state != ProcessState::Alive) return;
  process.state = ProcessState::Stopped;
  process.stop_signal = signal;
  process.stop_reported = false;
  process.continue_reported = true;
  interrupt_all_threads(process);
  tell_parent(process, sigcode::ChildStopped, signal);
}

void resume_threads(Process& process) {
  if (process.state == ProcessState::Stopped) process.state = ProcessState::Alive;
  for (Thread& thread : process.threads) resume_thread(thread);
}

void continue_process(Process& process) {
  if (process.state != ProcessState::Stopped) return;
  resume_threads(process);
  process.stop_reported = true;
  process.continue_reported = false;
  tell_parent(process, sigcode::ChildContinued, sig::Cont);
}

bool is_orphaned(int group) {
  bool orphaned = true;
  for_each_process([&](Process& p) {
    if (p.group != group || p.state == ProcessState::Zombie) return true;
    // Whoever started the instance stands in for the shell of its first process.
    if (p.is_first() || (p.parent && p.parent->session == p.session && p.parent->group != group)) orphaned = false;
    return orphaned;
  });
  return orphaned;
}

// ---- waiting for children ----

bool ChildSelector::matches(const Process& child) const {
  return kind == Any || (kind == Pid ? child.pid == id : child.group == id);
}

ErrorOr<bool> wait_for_child(ChildSelector selector, uint32_t options, ChildReport& report) {
  Process& me = current_process();
  bool found = false, any = false;
  auto look = [&] {
    any = false;
    for (Process& child : me.children) {
      if (!selector.matches(child)) continue;
      bool clone_child = child.exit_signal != sig::Child;
      if (!(options & wait_option::All) && clone_child != bool(options & wait_option::Clone)) continue;
      // Of one that has ended there is only the end to wait for.
      if (child.state == ProcessState::Zombie && !(options & wait_option::Exited)) continue;
      any = true;
      report.pid = child.pid;
      report.uid = child.credentials.uid;
      if (child.state == ProcessState::Zombie && (options & wait_option::Exited)) {
        int signal = child.exit_status & 0x7f;
        report.code = signal ? sigcode::ChildKilled : sigcode::ChildExited;
        report.status = child.exit_status;
        report.usage = child.usage();
        report.usage.cpu_ticks += child.waited.cpu_ticks;
        report.usage.most_resident = std::max(report.usage.most_resident, child.waited.most_resident);
        if (!(options & wait_option::NoWait)) {
          me.waited.cpu_ticks += report.usage.cpu_ticks;
          me.waited.minor_faults += report.usage.minor_faults;
          me.waited.most_resident = std::max(me.waited.most_resident, report.usage.most_resident);
          child.destroy();
        }
        return found = true;
      }
      if (child.state == ProcessState::Stopped && (options & wait_option::Stopped) && !child.stop_reported) {
        report.code = sigcode::ChildStopped;
        report.status = child.stop_signal << 8 | 0x7f;
        report.usage = child.usage();
        if (!(options & wait_option::NoWait)) child.stop_reported = true;
        return found = true;
      }
      if ((options & wait_option::Continued) && !child.continue_reported) {
        report.code = sigcode::ChildContinued;
        report.status = 0xffff;
        report.usage = child.usage();
        if (!(options & wait_option::NoWait)) child.continue_reported = true;
        return found = true;
      }
    }
    return !any || (options & wait_option::NoHang);
  };
  if (!wait_for(me.child_changed, NoDeadline, Sleep::Interruptible, look)) return fail(Errno::RestartSystemCall);
  if (found) return true;
  if (!any) return fail(Errno::NoChild);
  return false;
}

}  // namespace pl
