// SPDX-License-Identifier: BSD-2-Clause
// Clocks, sleeping and timers.
#include <algorithm>

#include "memory/heap.h"
#include "process/process.h"
#include "process/scheduler.h"
#include "syscall/table.h"
#include "syscall/usage.h"

namespace pl {

namespace {

constexpr uint32_t AbsoluteTime = 1;  // TIMER_ABSTIME

WaitQueue realtime_sleepers;

bool is_cpu_clock(int clock) { return clock == ClockProcessCpu || clock == ClockThreadCpu || clock < 0; }
bool is_realtime(int clock) { return clock == ClockRealtime || clock == ClockRealtimeAlarm || clock == ClockTai; }

}  // namespace

void wake_realtime_sleepers() { realtime_sleepers.wake_all(); }

ErrorOr<void> sleep_until_realtime(const TimeSpec& moment) {
  Waiter waiter;
  realtime_sleepers.add(waiter);
  auto deadline = deadline_of(ClockRealtime, moment);
  auto slept = deadline ? sleep(*deadline, Sleep::Interruptible) : fail(deadline.error());
  realtime_sleepers.remove(waiter);
  return slept;
}

// ---- clocks ----

Result sys_clock_gettime(int clock, UserOut<TimeSpec> value) {
  TRY(value.write(to_timespec(TRY(read_clock_ns(clock)))));
  return 0;
}

Result sys_clock_getres(int clock, UserOut<TimeSpec> resolution) {
  TRY(read_clock_ns(clock));
  // The clocks count ticks, but a value between two of them is never needed: Linux says 1 ns of its high-resolution clocks.
  bool coarse = clock == ClockRealtimeCoarse || clock == ClockMonotonicCoarse;
  if (resolution) TRY(resolution.write({0, coarse ? 4'000'000 : 1}));
  return 0;
}

Result sys_clock_settime(int clock, UserIn<TimeSpec> value) {
  TRY(set_clock(clock, TRY(value.read())));
  return 0;
}

Result sys_gettimeofday(UserOut<TimeValue> value, UserOut<TimeZone> zone) {
  if (value) TRY(value.write(to_timevalue(realtime_ns())));
  if (zone) TRY(zone.write({0, 0}));
  return 0;
}

Result sys_settimeofday(UserIn<TimeValue> value, UserAddress) {
  if (!current_credentials().has(Capability::Time)) return fail(Errno::Perm);
  if (!value) return 0;
  TimeValue v = TRY(value.read());
  if (v.microseconds < 0 || v.microseconds >= 1'000'000) return fail(Errno::Invalid);
  TRY(set_clock(ClockRealtime, {v.seconds, v.microseconds * 1000}));
  return 0;
}

// ---- sleeping ----

namespace {

ErrorOr<void> write_left(UserAddress left, uint64_t deadline) {
  if (!left) return {};
  uint64_t now = ticks_now();
  return UserOut<TimeSpec>{left}.write(to_timespec(tick_rate().to_nanoseconds(deadline > now ? deadline - now : 0)));
}

Result sleep_relative(uint64_t deadline, UserAddress left);

Result sleep_again(RestartBlock& block) { return sleep_relative(block.deadline, UserAddress(block.arguments[0])); }

Result sleep_relative(uint64_t deadline, UserAddress left) {
  for (;;) {
    auto slept = sleep(deadline, Sleep::Interruptible);
    if (slept) continue;
    if (slept.error() == Errno::TimedOut) return 0;
    TRY(write_left(left, deadline));
    current_thread().restart = {sleep_again, deadline, {left.value}};
    return fail(Errno::RestartBlock);
  }
}

Result sleep_absolute(int clock, const TimeSpec& moment) {
  for (;;) {
    uint64_t generation = realtime_generation();
    uint64_t deadline = TRY(deadline_of(clock, moment));
    auto slept = wait_for(realtime_sleepers, deadline, Sleep::Interruptible, [&] { return realtime_generation() != generation; });
    if (slept) {
      if (is_realtime(clock) || deadline > ticks_now()) continue;
      return 0;
    }
    if (slept.error() == Errno::TimedOut) return 0;
    return fail(Errno::RestartNoHandler);
  }
}

// A CPU clock: looks again each millisecond, which is what its resolution is for.
Result sleep_cpu(int clock, TimeSpec request, bool absolute) {
  uint64_t end = uint64_t(request.seconds) * NanosecondsPerSecond + uint64_t(request.nanoseconds);
  if (!absolute) end += TRY(read_clock_ns(clock));
  while (TRY(read_clock_ns(clock)) < end) {
    auto slept = sleep(ticks_now() + milliseconds_to_ticks(1), Sleep::Interruptible);
    if (!slept && slept.error() == Errno::Interrupted) return fail(Errno::RestartNoHandler);
  }
  return 0;
}

}  // namespace

Result sys_nanosleep(UserIn<TimeSpec> request, UserAddress left) {
  TimeSpec t = TRY(request.read());
  if (!t.valid()) return fail(Errno::Invalid);
  return sleep_relative(ticks_now() + tick_rate().from(t), left);
}

Result sys_clock_nanosleep(int clock, uint32_t flags, UserIn<TimeSpec> request, UserAddress left) {
  TRY(read_clock_ns(clock));
  if (clock == ClockThreadCpu) return fail(Errno::Invalid);
  if (clock == ClockMonotonicRaw || clock == ClockRealtimeCoarse || clock == ClockMonotonicCoarse) return fail(Errno::NotSupported);
  TimeSpec t = TRY(request.read());
  if (!t.valid()) return fail(Errno::Invalid);
  if (is_cpu_clock(clock)) return sleep_cpu(clock, t, flags & AbsoluteTime);
  if (flags & AbsoluteTime) return sleep_absolute(clock, t);
  return sleep_relative(ticks_now() + tick_rate().from(t), left);
}

// ---- interval timers ----

namespace {

IntervalTimeValue to_interval_timeval(const IntervalValue& v) {
  return {{v.interval.seconds, v.interval.nanoseconds / 1000}, {v.value.seconds, v.value.nanoseconds / 1000}};
}

ErrorOr<TimeSpec> to_timespec(const TimeValue& v) {
  if (v.microseconds < 0 || v.microseconds >= 1'000'000 || v.seconds < 0) return fail(Errno::Invalid);
  return TimeSpec{v.seconds, v.microseconds * 1000};
}

ErrorOr<SignalTimer*> interval_timer_of(int which) {
  if (which < IntervalTimers::Real || which > IntervalTimers::Profile) return fail(Errno::Invalid);
  return &interval_timer(current_process(), IntervalTimers::Which(which));
}

}  // namespace

Result sys_getitimer(int which, UserOut<IntervalTimeValue> value) {
  TRY(value.write(to_interval_timeval(TRY(interval_timer_of(which))->value())));
  return 0;
}

Result sys_setitimer(int which, UserIn<IntervalTimeValue> in, UserOut<IntervalTimeValue> out) {
  SignalTimer& timer = *TRY(interval_timer_of(which));
  IntervalTimeValue wanted{};
  if (in) wanted = TRY(in.read());
  TimeSpec interval = TRY(to_timespec(wanted.interval)), value = TRY(to_timespec(wanted.value));
  auto old = to_interval_timeval(timer.value());
  timer.interval = saturating_nanoseconds(interval);
  timer.start(saturating_nanoseconds(value), false);
  if (out) TRY(out.write(old));
  return 0;
}

namespace {

void posix_timer_fired(Timer& t) {
  auto& timer = static_cast<PosixTimer&>(static_cast<SignalTimer&>(t));
  timer.expired(timer.now());
}

void timer_signal_taken(QueuedSignal& queued) {
  auto& timer = static_cast<PosixTimer&>(queued);
  timer.taken_at(timer.now());
}

ErrorOr<PosixTimer*> posix_timer(int id) {
  PosixTimer* timer = current_process().timers.find(id);
  if (!timer) return fail(Errno::Invalid);
  return timer;
}

}  // namespace

Result sys_timer_create(int clock, UserIn<SignalEvent> event, UserOut<int> id) {
  constexpr int ToSignal = 0, None = 1, ThreadId = 4;
  constexpr uint64_t MostTimers = 4096;
  TRY(read_clock_ns(clock));
  if (clock == ClockMonotonicRaw || clock == ClockRealtimeCoarse || clock == ClockMonotonicCoarse) return fail(Errno::Invalid);
  Process& process = current_process();
  uint64_t count = 0;
  for (PosixTimer& t : process.timers.posix) count += t.id >= 0;
  if (count >= MostTimers) return fail(Errno::Again);
  PosixTimer* timer = heap_new<PosixTimer>();
  if (!timer) return fail(Errno::Again);
  Guard release([&] { heap_delete(timer); });

  IntervalTimers& timers = process.timers;
  do timer->id = timers.next_id++ & INT32_MAX;
  while (timers.find(timer->id));
  timer->signal = sig::Alarm;
  timer->signal_value = uint64_t(timer->id);
  if (event) {
    SignalEvent e = TRY(event.read());
    int notify = e.notify & ~ThreadId;
    if (notify < ToSignal || notify > 2 || ((e.notify & ThreadId) && notify == None)) return fail(Errno::Invalid);
    if (notify != None && (e.signal < 1 || e.signal > sig::Count)) return fail(Errno::Invalid);
    timer->signal = notify == None ? 0 : e.signal;
    timer->signal_value = e.value;
    if (e.notify & ThreadId) {
      Thread* target = find_thread(e.thread);
      if (!target || target->process != &process) return fail(Errno::Invalid);
      timer->thread = e.thread;
    }
  }
  timer->process = &process;
  timer->clock = clock;
  timer->taken = timer_signal_taken;
  timer->owned_elsewhere = true;
  timer->set_function(posix_timer_fired);
  TRY(id.write(timer->id));
  release.disarm();
  timers.posix.push_back(timer);
  return 0;
}

Result sys_timer_settime(int id, uint32_t flags, UserIn<IntervalValue> in, UserOut<IntervalValue> out) {
  if (!in) return fail(Errno::Invalid);
  IntervalValue wanted = TRY(in.read());
  if (!wanted.interval.valid() || !wanted.value.valid()) return fail(Errno::Invalid);
  PosixTimer& timer = *TRY(posix_timer(id));
  IntervalValue old = timer.value();
  bool set = wanted.value.seconds || wanted.value.nanoseconds;
  bool absolute = set && (flags & AbsoluteTime);
  timer.interval = saturating_nanoseconds(wanted.interval);
  timer.missed = 0;
  timer.overrun = 0;
  PendingSignals::withdraw(timer);
  timer.absolute = absolute && is_realtime(timer.clock);
  timer.expiry = wanted.value;
  uint64_t ns = saturating_nanoseconds(wanted.value);
  if (absolute && !is_cpu_clock(timer.clock)) ns = moment_of(TRY(deadline_of(timer.clock, wanted.value)));
  timer.start(set ? ns : 0, absolute);
  if (out) TRY(out.write(old));
  return 0;
}

Result sys_timer_gettime(int id, UserOut<IntervalValue> value) {
  TRY(value.write(TRY(posix_timer(id))->value()));
  return 0;
}

Result sys_timer_getoverrun(int id) { return uint64_t(TRY(posix_timer(id))->overrun); }

Result sys_timer_delete(int id) {
  PosixTimer* timer = TRY(posix_timer(id));
  current_process().timers.destroy(*timer);
  return 0;
}

}  // namespace pl
