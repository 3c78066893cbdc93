// SPDX-License-Identifier: BSD-2-Clause
// Scheduling: policies and priorities (sched(7)). Nice values are remembered where a program would ask, and do nothing else.
#include <algorithm>
#include <utility>

#include "process/futex.h"
#include "process/process.h"
#include "process/scheduler.h"
#include "syscall/table.h"

namespace pl {

namespace {

constexpr int ResetOnFork = 0x40000000;
constexpr unsigned Harts = 1;  // that run threads

ErrorOr<Thread*> thread_or_self(int tid) {
  if (tid < 0) return fail(Errno::Invalid);
  if (!tid) return &current_thread();
  Thread* thread = find_thread(tid);
  if (!thread) return fail(Errno::NoProcess);
  return thread;
}

ErrorOr<void> may_change(const Thread& thread) {
  const Credentials &own = current_credentials(), &other = *thread.credentials;
  if (own.has(Capability::Nice) || own.euid == other.uid || own.euid == other.euid) return {};
  return fail(Errno::Perm);
}

bool is_real_time(int policy) { return policy == PolicyFifo || policy == PolicyRoundRobin; }

// What RLIMIT_NICE lets a thread have that has no capability for it.
bool may_be_as_nice(const Thread& thread, int nice) {
  return current_credentials().has(Capability::Nice) || uint64_t(20 - nice) <= thread.process->limit(Limits::Nice);
}

ErrorOr<void> check_policy(const Thread& thread, int policy, int priority, bool reset) {
  if (is_real_time(policy) ? priority < 1 || priority > 99 : priority || (policy != PolicyOther && policy != PolicyBatch && policy != PolicyIdle))
    return fail(Errno::Invalid);
  if (current_credentials().has(Capability::Nice)) return {};
  const uint64_t most = thread.process->limit(Limits::RealTimePriority);
  if (is_real_time(policy) && ((policy != thread.policy && !most) || (priority > thread.priority && uint64_t(priority) > most))) return fail(Errno::Perm);
  if (thread.policy == PolicyIdle && policy != PolicyIdle && !may_be_as_nice(thread, thread.nice)) return fail(Errno::Perm);
  if (thread.reset_policy && !reset) return fail(Errno::Perm);
  return may_change(thread);
}

// As sched_setscheduler(2) takes it.
int policy_of(const Thread& thread) { return thread.policy | (thread.reset_policy ? ResetOnFork : 0); }

ErrorOr<void> set_policy(int tid, int policy, int priority) {
  Thread* thread = TRY(thread_or_self(tid));
  bool reset = policy & ResetOnFork;
  policy &= ~ResetOnFork;
  TRY(check_policy(*thread, policy, priority, reset));
  thread->policy = policy;
  thread->reset_policy = reset;
  const int before = std::exchange(thread->priority, priority);
  if (before == priority) return {};
  thread->gives_way = priority > before;
  priority_changed(*thread);
  return {};
}

}  // namespace

Result sys_sched_yield() {
  current_thread().gives_way = true;
  current_thread().work |= WorkReschedule;
  return 0;
}

Result sys_sched_setscheduler(int pid, int policy, UserIn<SchedulingParameter> parameter) {
  if (policy < 0 || !parameter) return fail(Errno::Invalid);
  TRY(set_policy(pid, policy, TRY(parameter.read()).priority));
  return 0;
}

Result sys_sched_setparam(int pid, UserIn<SchedulingParameter> parameter) {
  if (!parameter) return fail(Errno::Invalid);
  Thread* thread = TRY(thread_or_self(pid));
  TRY(set_policy(pid, policy_of(*thread), TRY(parameter.read()).priority));
  return 0;
}

Result sys_sched_getscheduler(int pid) { return uint64_t(policy_of(*TRY(thread_or_self(pid)))); }

Result sys_sched_getparam(int pid, UserOut<SchedulingParameter> parameter) {
  if (!parameter) return fail(Errno::Invalid);
  TRY(parameter.write({TRY(thread_or_self(pid))->priority}));
  return 0;
}

Result sys_sched_get_priority_max(int policy) {
  switch (policy) {
    case PolicyFifo: case PolicyRoundRobin: return 99;
    case PolicyOther: case PolicyBatch: case PolicyIdle: case PolicyDeadline: return 0;
    default: return fail(Errno::Invalid);
  }
}

Result sys_sched_get_priority_min(int policy) {
  switch (policy) {
    case PolicyFifo: case PolicyRoundRobin: return 1;
    case PolicyOther: case PolicyBatch: case PolicyIdle: case PolicyDeadline: return 0;
    default: return fail(Errno::Invalid);
  }
}

Result sys_sched_rr_get_interval(int pid, UserOut<TimeSpec> interval) {
  const int policy = TRY(thread_or_self(pid))->policy;
  TRY(interval.write(to_timespec(policy == PolicyFifo ? 0 : policy == PolicyRoundRobin ? RealTimeSliceNanoseconds : SliceNanoseconds)));
  return 0;
}

Result sys_sched_setaffinity(int pid, size_t bytes, UserAddress mask) {
  Thread* thread = TRY(pid < 0 ? fail(Errno::NoProcess) : thread_or_self(pid));
  TRY(may_change(*thread));
  uint64_t word = 0;
  TRY(copy_from_user(&word, mask, std::min(bytes, sizeof(word))));
  if (!(word & ((1u << Harts) - 1))) return fail(Errno::Invalid);
  return 0;
}

Result sys_sched_getaffinity(int pid, size_t bytes, UserAddress mask) {
  TRY(pid < 0 ? fail(Errno::NoProcess) : thread_or_self(pid));
  if (bytes < sizeof(uint64_t) || bytes % sizeof(uint64_t)) return fail(Errno::Invalid);
  uint64_t word = (1u << Harts) - 1;
  TRY(copy_to_user(mask, &word, sizeof(word)));
  return sizeof(word);
}

Result sys_getcpu(UserOut<uint32_t> cpu, UserOut<uint32_t> node) {
  if (cpu) TRY(cpu.write(0));
  if (node) TRY(node.write(0));
  return 0;
}

// ---- nice values ----

namespace {

enum Which : int { OfProcess = 0, OfGroup = 1, OfUser = 2 };

// Calls visit for each thread that (which, who) names: one, or all of a group's or a user's processes.
template <class F>
ErrorOr<void> for_each_named(int which, int who, F visit) {
  if (which < OfProcess || which > OfUser) return fail(Errno::Invalid);
  if (which == OfProcess) {
    Thread* thread = who ? find_thread(who) : &current_thread();
    if (!thread) return fail(Errno::NoProcess);
    visit(*thread);
    return {};
  }
  Process& me = current_process();
  bool found = false;
  for_each_process([&](Process& p) {
    bool named = which == OfGroup ? p.group == (who ? who : me.group) : p.credentials.uid == (who ? uint32_t(who) : current_credentials().uid);
    if (!named) return true;
    for (Thread& thread : p.threads) {
      found = true;
      visit(thread);
    }
    return true;
  });
  if (!found) return fail(Errno::NoProcess);
  return {};
}

}  // namespace

Result sys_setpriority(int which, int who, int priority) {
  priority = std::clamp(priority, -20, 19);
  Errno error{};
  TRY(for_each_named(which, who, [&](Thread& thread) {
    if (auto may = may_change(thread); !may) error = may.error();
    else if (priority < thread.nice && !may_be_as_nice(thread, priority)) error = Errno::Access;
    else thread.nice = priority;
  }));
  if (error != Errno{}) return fail(error);
  return 0;
}

Result sys_getpriority(int which, int who) {
  int best = 20;
  TRY(for_each_named(which, who, [&](Thread& thread) { best = std::min(best, thread.nice); }));
  return uint64_t(20 - best);  // the system call's own scale (getpriority(2), "C library/kernel differences")
}

// ---- priorities of input and output, which nothing here waits for ----

namespace {
// ioprio_set(2): a class and a level of it. `which` counts from 1.
constexpr int ClassShift = 13, ClassNone = 0, ClassRealTime = 1, ClassBestEffort = 2, ClassIdle = 3, Levels = 8;
}  // namespace

Result sys_ioprio_set(int which, int who, int priority) {
  const int level = priority & ((1 << ClassShift) - 1);
  switch (priority >> ClassShift) {
    case ClassRealTime:
      if (const Credentials& own = current_credentials(); !own.has(Capability::Administration) && !own.has(Capability::Nice)) return fail(Errno::Perm);
      [[fallthrough]];
    case ClassBestEffort:
      if (level >= Levels) return fail(Errno::Invalid);
      break;
    case ClassIdle: break;
    case ClassNone:
      if (level) return fail(Errno::Invalid);
      break;
    default: return fail(Errno::Invalid);
  }
  Errno error{};
  TRY(for_each_named(which - 1, who, [&](Thread& thread) {
    if (auto may = may_change(thread); !may) error = may.error();
    else thread.io_priority = uint16_t(priority);
  }));
  if (error != Errno{}) return fail(error);
  return 0;
}

// The lowest number of them.
Result sys_ioprio_get(int which, int who) {
  unsigned best = ~0u;
  TRY(for_each_named(which - 1, who, [&](Thread& thread) { best = std::min<unsigned>(best, thread.io_priority); }));
  return best;
}

// ---- sched_setattr ----

Result sys_sched_setattr(int pid, UserAddress address, uint32_t flags) {
  if (flags || pid < 0) return fail(Errno::Invalid);
  SchedulingAttributes a{};
  uint32_t size = TRY(UserIn<uint32_t>{address}.read());
  if (size && size < sizeof(a)) return fail(Errno::Invalid);
  TRY(copy_from_user(&a, address, sizeof(a)));
  TRY(set_policy(pid, int(a.policy), int(a.priority)));
  TRY(thread_or_self(pid))->nice = std::clamp(a.nice, -20, 19);
  return 0;
}

Result sys_sched_getattr(int pid, UserAddress address, uint32_t size, uint32_t flags) {
  if (flags || size < sizeof(SchedulingAttributes) || size > PageSize) return fail(Errno::Invalid);
  Thread* thread = TRY(thread_or_self(pid));
  SchedulingAttributes a{};
  a.size = sizeof(a);
  a.policy = uint32_t(thread->policy);
  a.nice = thread->nice;
  a.priority = uint32_t(thread->priority);
  TRY(copy_to_user(address, &a, sizeof(a)));
  return 0;
}

}  // namespace pl
