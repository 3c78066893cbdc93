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
  timer.advance(timer.now());
  send_interval_signal(timer);
}

}  // namespace

bool SignalTimer::counts_cpu() const {
  return clock == ClockProcessCpu || clock == ClockThreadCpu || clock < 0;
}

uint64_t SignalTimer::now() const {
  if (!counts_cpu()) return tick_rate().to_nanoseconds(read_time());
  auto ns = read_clock_ns(clock);
  return ns ? *ns : tick_rate().to_nanoseconds(process->usage().cpu_ticks);
}

uint64_t SignalTimer::due() const { return counts_cpu() ? cpu_deadline : tick_rate().to_nanoseconds(deadline()) - early; }

void SignalTimer::set_due(uint64_t ns) {
  ns = std::min<uint64_t>(ns, INT64_MAX);
  if (counts_cpu()) {
    cpu_deadline = ns;
    return;
  }
  uint64_t ticks = tick_rate().from_nanoseconds(ns), at = tick_rate().to_nanoseconds(ticks);
  early = at > ns ? at - ns : 0;
  cancel_timer(*this);
  arm_timer(*this, ticks);
}

uint64_t SignalTimer::left() const {
  if (!running()) return 0;
  uint64_t at = now(), end = due() - skipped * interval;
  if (skipped && end <= at) end += ((at - end) / interval + 1) * interval;
  return end > at ? end - at : 1;
}

IntervalValue SignalTimer::value() const {
  IntervalValue v;
  v.interval = to_timespec(interval);
  v.value = to_timespec(left());
  return v;
}

void SignalTimer::stop() {
  cancel_timer(*this);
  cpu_deadline = skipped = 0;
}

void SignalTimer::start(uint64_t ns, bool is_absolute) {
  stop();
  if (ns) set_due(is_absolute ? ns : now() + ns);
  if (counts_cpu()) update_cpu_use(*process);
}

uint64_t moment_of(uint64_t deadline) {
  uint64_t most = tick_rate().from_nanoseconds(INT64_MAX);
  return std::max<uint64_t>(tick_rate().to_nanoseconds(std::min(deadline, most)), 1);
}

uint64_t SignalTimer::advance(uint64_t now) {
  uint64_t end = due();
  if (!interval) {
    cpu_deadline = 0;
    return 0;
  }
  uint64_t missed = now > end ? (now - end) / interval : 0;
  set_due(end + (missed + 1) * interval);
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
  skip_until(now + 1'000'000);
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
  uint64_t next = due();
  if (next >= soon) return;
  skipped = (soon - next) / interval + 1;
  set_due(next + skipped * interval);
}

void PosixTimer::taken_at(uint64_t now) {
  if (skipped) {
    uint64_t first = due() - skipped * interval, passed = now >= first ? (now - first) / interval + 1 : 0;
    missed += passed;
    skipped = 0;
    set_due(first + passed * interval);
  }
  // Enough to come back to the program: a signal whose default is to be ignored would otherwise be delivered for ever.
  if (armed()) skip_until(now + 50'000);
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
  uint64_t used = tick_rate().to_nanoseconds(process.usage().cpu_ticks);
  for (int i : {1, 2}) {
    SignalTimer& timer = timers.interval[i];
    if (!timer.cpu_deadline || used < timer.cpu_deadline) continue;
    timer.advance(used);
    send_interval_signal(timer);
  }
  for (PosixTimer& timer : timers.posix) {
    if (!timer.cpu_deadline) continue;
    uint64_t now = timer.now();
    if (now >= timer.cpu_deadline) timer.expired(now);
  }
  // RLIMIT_CPU (setrlimit(2)): SIGXCPU each second beyond the soft limit, SIGKILL at the hard one.
  Limit& limit = process.limits[Limits::CpuTime];
  if (limit.current != Limit::Infinity) {
    uint64_t seconds = used / NanosecondsPerSecond;
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
      if (auto deadline = deadline_of(timer.clock, timer.expiry)) timer.start(moment_of(*deadline), true);
    }
    return true;
  });
}

}  // namespace pl
