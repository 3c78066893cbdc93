// SPDX-License-Identifier: BSD-2-Clause
#include "process/scheduler.h"

#include <cstring>
#include <utility>

#include "arch/time.h"
#include "base/hot.h"
#include "base/lock.h"
#include "fs/async.h"
#include "memory/address_space.h"
#include "memory/kernel_stack.h"
#include "memory/user.h"
#include "ocall/ring.h"
#include "process/process.h"
#include "process/send.h"
#include "process/trap.h"
#include "time/clock.h"

namespace pl {

namespace {

struct RunQueue {
  List<Thread, &Thread::run_link> runnable;  // without the running one; by rank
  uint32_t count;
  Thread* dead;             // has left for good; freed by whoever runs next
  Thread* float_owner;      // whose floating-point registers the hart holds
  uint64_t slice_end;       // 0: the running thread has the hart for itself
  uint64_t timer_set;       // what the hart's timer is set to; NoDeadline once it has fired
  bool any_rank;
  uint64_t real_time_since; // no thread without a rank has run since then
  TimerHeap timers;
};

PL_HOT RunQueue queue;

// sched(7), "Limiting the CPU usage of real-time and deadline processes": of each second the others get a twentieth.
constexpr uint64_t RealTimeNanoseconds = 950'000'000, OthersNanoseconds = 50'000'000;

[[gnu::noinline]] uint64_t slice_by_rank(const Thread& thread) {
  uint64_t ns = SliceNanoseconds;
  if (thread.rank) ns = RealTimeSliceNanoseconds;
  else if (Thread* first = queue.runnable.first(); first && first->rank) ns = OthersNanoseconds;
  return tick_rate().from_nanoseconds(ns);
}

inline uint64_t slice(const Thread& thread) {
  return queue.any_rank ? slice_by_rank(thread) : tick_rate().from_nanoseconds(SliceNanoseconds);
}

// Always the same lock: run queue, wait queues and timers change together.
struct SchedulerLocked : Locked {
  SchedulerLocked() : Locked(Rank::Scheduler, &queue) {}
};

// Behind those of its rank, or before them.
[[gnu::noinline]] void insert_by_rank(Thread& thread, bool first_of_rank) {
  Thread* at = nullptr;
  if (thread.rank)
    for (at = queue.runnable.first(); at && (first_of_rank ? at->rank > thread.rank : at->rank >= thread.rank); at = queue.runnable.next(at)) {
    }
  queue.runnable.insert_before(&thread, at);
  if (thread.rank > current_thread().rank) current_thread().work |= WorkReschedule;
}

// Real-time threads cost only who has some.
inline void insert(Thread& thread) {
  ++queue.count;
  if (queue.any_rank) [[unlikely]] insert_by_rank(thread, &thread == &current_thread() && !std::exchange(thread.gives_way, false));
  else queue.runnable.push_back(&thread);
}

void enqueue(Thread& thread) {
  thread.state = ThreadState::Runnable;
  insert(thread);
  // From now on the running thread shares the hart.
  if (!queue.slice_end) {
    queue.slice_end = read_time() + slice(current_thread());
    current_thread().work |= WorkTimer;
  }
}

void wake_locked(Thread& thread) {
  if (thread.state == ThreadState::Sleeping) enqueue(thread);
  else thread.woken = true;
}

// The highest, unless its like have had the hart for so long that others get a share.
[[gnu::noinline]] Thread* choose_among_ranks(Thread* first) {
  if (!first->rank) return first;
  const uint64_t now = read_time();
  if (!current_thread().rank || !queue.real_time_since) queue.real_time_since = now;
  if (now - queue.real_time_since < tick_rate().from_nanoseconds(RealTimeNanoseconds)) return first;
  Thread* other = first;
  while (other && other->rank) other = queue.runnable.next(other);
  return other ? other : first;
}

Thread* take_next() {
  SchedulerLocked lock;
  Thread* next = queue.runnable.first();
  if (!next) return nullptr;
  if (queue.any_rank) [[unlikely]] next = choose_among_ranks(next);
  queue.runnable.remove(next);
  --queue.count;
  return next;
}

void take_host_events() {
  if (uint32_t signals = ocall::take_signals()) deliver_host_signals(signals);
}

// Nothing is runnable: the hart belongs to the host until an event or a deadline.
Thread* wait_for_runnable() {
  for (;;) {
    run_expired_timers(read_time());
    if (Thread* next = take_next()) return next;
    ocall::idle(next_timer_deadline());
    queue.real_time_since = 0;
    take_host_events();
    // Somebody has to look which files raise signals: a sleep may end early.
    if (Thread& me = current_thread(); me.work & WorkAsync) wake_thread(me);
    if (Thread* next = take_next()) return next;
  }
}

void finish_switch() {
  if (Thread* dead = queue.dead) {
    queue.dead = nullptr;
    dead->destroy();
  }
}

void restore_floats(Thread& thread) {
  if (queue.float_owner == &thread) return;
  queue.float_owner = &thread;
  restore_fp(thread.floats);
}

void save_if_dirty(Thread& thread) {
  if ((thread.frame.status & StatusFpMask) != StatusFpDirty) return;
  save_fp(thread.floats);
  thread.frame.status = (thread.frame.status & ~StatusFpMask) | StatusFpClean;
}

void run(Thread& next, uint64_t now) {
  Thread& me = current_thread();
  next.started_running = now;
  queue.slice_end = queue.count ? now + slice(next) : 0;
  next.work |= WorkTimer;
  if (&next == &me) return;

  if (me.state != ThreadState::Dead) save_if_dirty(me);
  else if (queue.float_owner == &me) queue.float_owner = nullptr;
  this_context().thread = &next;
  this_context().kernel_stack_top = next.stack.value + KernelStackSize;
  if (next.address_space && next.address_space != this_context().address_space) next.address_space->activate();
  restore_floats(next);
  switch_to(me.context, next.context);
  finish_switch();
}

void enter_user_first(void* argument) {
  finish_switch();
  Thread& thread = *static_cast<Thread*>(argument);
  if (thread.set_child_tid) (void)UserOut<int>{thread.set_child_tid}.write(thread.tid);  // clone(2): a bad address is ignored
  finish_trap(thread);
  return_to_user(thread.frame);
}

}  // namespace

void schedule() {
  must_hold_no_lock("schedule");
  Thread& me = current_thread();
  uint64_t now = read_time();
  me.cpu_ticks += now - me.started_running;
  me.started_running = now;
  // Whoever sleeps may be woken, and runnable again, before anything else has run.
  uint32_t& switches = me.state == ThreadState::Runnable ? me.involuntary_switches : me.voluntary_switches;
  if (me.state == ThreadState::Runnable) {
    SchedulerLocked lock;
    insert(me);
  }
  Thread* next = take_next();
  if (!next) {
    next = wait_for_runnable();
    now = read_time();  // waiting is nobody's time
  }
  ++switches;
  run(*next, now);
}

void wake_thread(Thread& thread) {
  SchedulerLocked lock;
  wake_locked(thread);
}

void resume_thread(Thread& thread) {
  SchedulerLocked lock;
  if (thread.state == ThreadState::Stopped) enqueue(thread);
}

void set_rank(Thread& thread, uint8_t rank) {
  SchedulerLocked lock;
  const uint8_t old = std::exchange(thread.rank, rank);
  if (rank) queue.any_rank = true;
  if (thread.run_link.linked) {
    queue.runnable.remove(&thread);
    insert_by_rank(thread, rank < old);
  } else if (Thread* first = queue.runnable.first(); &thread == &current_thread() && first && first->rank > rank) {
    thread.work |= WorkReschedule;
  }
}

bool any_rank() { return queue.any_rank; }

void start_thread(Thread& thread) {
  thread.context.start(thread.stack.value + KernelStackSize, enter_user_first, &thread);
  SchedulerLocked lock;
  enqueue(thread);
}

void kick(Thread&) {
  // One hart runs threads for now: a thread that is not the current one looks at its work when it is switched to.
}

void leave_for_good() {
  queue.dead = &current_thread();
  schedule();
  __builtin_unreachable();
}

void adopt_running_thread(Thread& thread) {
  this_context().thread = &thread;
  this_context().kernel_stack_top = thread.stack.value + KernelStackSize;
  queue.float_owner = &thread;
  queue.timer_set = NoDeadline;
  thread.started_running = read_time();
}

void save_floats(Thread& thread) { save_if_dirty(thread); }

void load_floats(Thread& thread) {
  restore_fp(thread.floats);
  queue.float_owner = &thread;
  thread.frame.status = (thread.frame.status & ~StatusFpMask) | StatusFpClean;
}

void reset_floats(Thread& thread) {
  memset(&thread.floats, 0, sizeof(thread.floats));
  reset_fp();
  queue.float_owner = &thread;
}

void timer_interrupt() {
  set_timer(NoDeadline);  // also clears what is pending
  queue.timer_set = NoDeadline;
  uint64_t now = read_time();
  run_expired_timers(now);
  Thread& me = current_thread();
  if (me.process->timers.uses_cpu) check_cpu_timers(*me.process);
  if (queue.slice_end && now >= queue.slice_end) {
    me.gives_way = me.policy == PolicyRoundRobin;
    if (queue.count) me.work |= WorkReschedule;
    else queue.slice_end = 0;
  }
  me.work |= WorkTimer;
}

void set_hart_timer() {
  uint64_t deadline = next_timer_deadline();
  if (queue.slice_end) {
    if (!queue.count) queue.slice_end = 0;
    else if (queue.slice_end < deadline) deadline = queue.slice_end;
  }
  if (current_process().timers.uses_cpu) {
    uint64_t tick = read_time() + milliseconds_to_ticks(1);
    if (tick < deadline) deadline = tick;
  }
  // Set too early is only an interrupt for nothing now and then; that costs less than a write at each switch.
  if (deadline >= queue.timer_set) return;
  queue.timer_set = deadline;
  set_timer(deadline);
}

uint64_t cpu_ticks(const Thread& thread) {
  uint64_t ticks = thread.cpu_ticks;
  if (&thread == &current_thread()) ticks += read_time() - thread.started_running;
  return ticks;
}

unsigned runnable_count() { return queue.count + 1; }

// ---- sleeping: process/wait.h ----

void WaitQueue::add(Waiter& waiter) {
  SchedulerLocked lock;
  if (!waiter.thread && !waiter.note) waiter.thread = &current_thread();
  if (waiter.queue) waiter.queue->waiters_.remove(&waiter);
  waiter.queue = this;
  waiters_.push_back(&waiter);
}

void WaitQueue::remove(Waiter& waiter) {
  SchedulerLocked lock;
  if (waiter.queue != this) return;
  waiters_.remove(&waiter);
  waiter.queue = nullptr;
}

// False: it was only a note.
static bool wake_waiter(Waiter& waiter) {
  waiter.queue = nullptr;
  if (!waiter.note) [[likely]] wake_locked(*waiter.thread);
  else current_thread().work |= WorkAsync;
  return !waiter.note;
}
void WaitQueue::wake_all() {
  if (waiters_.empty()) return;
  SchedulerLocked lock;
  while (Waiter* waiter = waiters_.pop_front()) wake_waiter(*waiter);
}

void WaitQueue::wake_one() {
  if (waiters_.empty()) return;
  SchedulerLocked lock;
  while (Waiter* waiter = waiters_.pop_front())
    if (wake_waiter(*waiter)) break;
}

ErrorOr<void> sleep(uint64_t deadline, Sleep kind) {
  Thread& me = current_thread();
  if (me.woken) {
    me.woken = false;
    return {};
  }
  if (deadline != NoDeadline) deadline += me.delay;
  bool interruptible = kind == Sleep::Interruptible;
  if (interruptible && me.has_deliverable_signal()) return fail(Errno::Interrupted);
  if (deadline != NoDeadline) {
    if (deadline <= read_time()) return fail(Errno::TimedOut);
    arm_timer(me.wake_timer, deadline);
  }
  me.interruptible = interruptible;
  me.state = ThreadState::Sleeping;
  schedule();
  me.woken = false;
  if (deadline != NoDeadline) {
    bool expired = !me.wake_timer.armed();
    cancel_timer(me.wake_timer);
    if (expired) return fail(Errno::TimedOut);
  }
  if (interruptible && me.work & WorkAsync) [[unlikely]] {
    me.work &= ~WorkAsync;
    async::look();
  }
  if (interruptible && me.has_deliverable_signal()) return fail(Errno::Interrupted);
  return {};
}

// ---- timers: time/timer.h ----

void arm_timer(Timer& timer, uint64_t deadline) {
  SchedulerLocked lock;
  queue.timers.insert(timer, deadline);
  if (queue.timers.first() == &timer) current_thread().work |= WorkTimer;
}

void cancel_timer(Timer& timer) {
  if (!timer.armed()) return;
  SchedulerLocked lock;
  queue.timers.remove(timer);
}

void delay_timers(uint64_t ticks) {
  SchedulerLocked lock;
  queue.timers.delay(ticks);
}

uint64_t next_timer_deadline() {
  Timer* first = queue.timers.first();
  return first ? first->deadline() : NoDeadline;
}

void run_expired_timers(uint64_t now) {
  for (;;) {
    Timer* timer;
    {
      SchedulerLocked lock;
      timer = queue.timers.first();
      if (!timer || timer->deadline() > now) return;
      queue.timers.remove(*timer);
    }
    timer->fire();
  }
}

}  // namespace pl
