// SPDX-License-Identifier: BSD-2-Clause
#include "time/interval.h"

#include <algorithm>

#include "arch/time.h"
#include "memory/heap.h"
#include "process/process.h"
#include "process/send.h"

namespace pl {

namespace {

constinit List<RealtimeWatcher, &RealtimeWatcher::watchers> realtime_watchers;

void send_interval_signal(SignalTimer& timer) {
  (void)send_signal(*timer.process, SignalInfo::kernel(timer.signal));  // a standard signal has always room
}

void real_timer_fired(Timer& t) {
  auto& timer = static_cast<SignalTimer&>(t);
  timer.advance(read_time());
  send_interval_signal(timer);
}

}  // namespace

bool SignalTimer::counts_cpu() const {
  return clock == ClockProcessCpu || clock == ClockThreadCpu || clock < 0;
}

uint64_t SignalTimer::cpu_now() const {
  auto ns = read_clock_ns(clock);
  return ns ? tick_rate().from_nanoseconds(*ns) : process->usage().cpu_ticks;
}

uint64_t SignalTimer::left() const {
  uint64_t now = counts_cpu() ? cpu_now() : read_time();
  if (!running()) return 0;
  uint64_t end = counts_cpu() ? cpu_deadline : deadline() - skipped * interval;
  if (skipped && end <= now) end += ((now - end) / interval + 1) * interval;
  return end > now ? end - now : 1;
}

IntervalValue SignalTimer::value() const {
  IntervalValue v;
  v.interval = to_timespec(tick_rate().to_nanoseconds(interval));
  v.value = to_timespec(tick_rate().to_nanoseconds(left()));
  return v;
}

void SignalTimer::stop() {
  cancel_timer(*this);
  cpu_deadline = skipped = 0;
}

void SignalTimer::start(uint64_t ticks, bool is_absolute) {
  stop();
  if (counts_cpu()) {
    if (ticks) cpu_deadline = is_absolute ? ticks : cpu_now() + ticks;
    update_cpu_use(*process);
    return;
  }
  if (!ticks) return;
  arm_timer(*this, is_absolute ? ticks : read_time() + ticks);
}

uint64_t SignalTimer::advance(uint64_t now) {
  uint64_t end = counts_cpu() ? cpu_deadline : deadline();
  if (!interval) {
    cpu_deadline = 0;
    return 0;
  }
  uint64_t missed = now > end ? (now - end) / interval : 0;
  uint64_t next = end + (missed + 1) * interval;
  if (counts_cpu()) cpu_deadline = next;
  else arm_timer(*this, next);
  return missed;
}

SignalTimer& interval_timer(Process& process, IntervalTimers::Which which) {
  constexpr int Clocks[] = {ClockMonotonic, ClockProcessCpu, ClockProcessCpu};
  constexpr int Signals[] = {sig::Alarm, sig::VirtualAlarm, sig::Profile};
  SignalTimer& timer = process.timers.interval[which];
  timer.process = &process;
  timer.clock = Clocks[which];
  timer.signal = Signals[which];
  timer.set_function(real_timer_fired);
  return timer;
}

// ---- timer_create's ----

void PosixTimer::expired(uint64_t now) {
  absolute = false;
  uint64_t late = advance(now) + skipped;
  skipped = 0;
  // Until its signal is taken the next ones only count; if there is none, or it is ignored, they do not even that.
  skip_until(now + milliseconds_to_ticks(1));
  if (!signal) return;
  if (holder) {  // the last one has not been taken yet
    missed += late + 1;
    return;
  }
  missed = late;
  info = {};
  info.number = signal;
  info.code = sigcode::Timer;
  info.timer = {id, 0, signal_value};
  Thread* target = thread ? find_thread(thread) : nullptr;
  if (thread && (!target || target->process != process)) return;
  send_timer_signal(*process, target, *this);
}

// Expiries before then only count: the shortest interval must leave time for the program.
void PosixTimer::skip_until(uint64_t soon) {
  if (!interval || counts_cpu()) return;
  uint64_t next = deadline();
  if (next >= soon) return;
  skipped = (soon - next) / interval + 1;
  cancel_timer(*this);
  arm_timer(*this, next + skipped * interval);
}

void PosixTimer::taken_at(uint64_t now) {
  if (skipped) {
    uint64_t first = deadline() - skipped * interval, passed = now >= first ? (now - first) / interval + 1 : 0;
    missed += passed;
    skipped = 0;
    cancel_timer(*this);
    arm_timer(*this, first + passed * interval);
  }
  // Enough to come back to the program: a signal whose default is to be ignored would otherwise be delivered for ever.
  if (armed()) skip_until(now + tick_rate().from_nanoseconds(50'000));
  overrun = int(std::min<uint64_t>(missed, INT32_MAX));
  missed = 0;
  info.timer.overrun = overrun;
}

PosixTimer* IntervalTimers::find(int id) {
  for (PosixTimer& timer : posix)
    if (timer.id == id) return &timer;
  return nullptr;
}

void IntervalTimers::destroy(PosixTimer& timer) {
  timer.stop();
  PendingSignals::withdraw(timer);
  posix.remove(&timer);
  heap_delete(&timer);
}

void IntervalTimers::stop_posix() {
  while (PosixTimer* timer = posix.first()) destroy(*timer);
}

void IntervalTimers::stop_all() {
  stop_posix();
  for (SignalTimer& timer : interval)
    if (timer.process) timer.stop();
}

// ---- CPU clocks ----

void update_cpu_use(Process& process) {
  IntervalTimers& timers = process.timers;
  bool used = timers.interval[1].cpu_deadline || timers.interval[2].cpu_deadline || process.limit(Limits::CpuTime) != Limit::Infinity;
  for (PosixTimer& timer : timers.posix) used |= timer.cpu_deadline != 0;
  timers.uses_cpu = used;
  if (used) current_thread().work |= WorkTimer;
}

void check_cpu_timers(Process& process) {
  IntervalTimers& timers = process.timers;
  uint64_t used = process.usage().cpu_ticks;
  for (int i : {1, 2}) {
    SignalTimer& timer = timers.interval[i];
    if (!timer.cpu_deadline || used < timer.cpu_deadline) continue;
    timer.advance(used);
    send_interval_signal(timer);
  }
  for (PosixTimer& timer : timers.posix) {
    if (!timer.cpu_deadline) continue;
    uint64_t now = timer.cpu_now();
    if (now >= timer.cpu_deadline) timer.expired(now);
  }
  // RLIMIT_CPU (setrlimit(2)): SIGXCPU each second beyond the soft limit, SIGKILL at the hard one.
  Limit& limit = process.limits[Limits::CpuTime];
  if (limit.current != Limit::Infinity) {
    uint64_t seconds = tick_rate().to_nanoseconds(used) / NanosecondsPerSecond;
    if (seconds >= limit.maximum) {
      (void)send_signal(process, SignalInfo::kernel(sig::Kill));
    } else if (seconds >= limit.current) {
      limit.current = seconds + 1;
      (void)send_signal(process, SignalInfo::kernel(sig::CpuLimit));
    }
  }
  update_cpu_use(process);
}

void watch_realtime(RealtimeWatcher& watcher) { realtime_watchers.push_back(&watcher); }
void unwatch_realtime(RealtimeWatcher& watcher) {
  if (watcher.watchers.linked) realtime_watchers.remove(&watcher);
}

void realtime_was_set() {
  wake_realtime_sleepers();
  for (RealtimeWatcher& watcher : realtime_watchers) watcher.realtime_was_set();
  for_each_process([](Process& process) {
    for (PosixTimer& timer : process.timers.posix) {
      if (!timer.absolute || !timer.armed()) continue;
      if (auto deadline = deadline_of(timer.clock, timer.expiry)) timer.start(std::max<uint64_t>(*deadline, 1), true);
    }
    return true;
  });
}

}  // namespace pl
