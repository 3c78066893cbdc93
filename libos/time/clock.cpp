// SPDX-License-Identifier: BSD-2-Clause
#include "time/clock.h"

#include "arch/time.h"
#include "base/hot.h"
#include "process/process.h"
#include "process/scheduler.h"
#include "process/vdso.h"

namespace pl {

namespace {

struct Clocks {
  TickRate rate;
  uint64_t skipped;    // ticks that MONOTONIC does not count: while the template was frozen
  uint64_t realtime;   // nanoseconds to add to the counter's, wrapping
  uint64_t generation; // of REALTIME's offset
};
PL_HOT constinit Clocks clocks{};

uint64_t counter_ns() { return clocks.rate.to_nanoseconds(read_time()); }

// CLOCK_PROCESS_CPUTIME_ID and friends of another process or thread: ~pid << 3 | 4 for a thread | what (Linux's encoding).
struct CpuClock { int id; bool thread; };
bool is_cpu_clock(int clock, CpuClock& out) {
  if (clock == ClockProcessCpu || clock == ClockThreadCpu) {
    out = {0, clock == ClockThreadCpu};
    return true;
  }
  if (clock >= 0 || (clock & 3) == 3) return false;
  out = {~(clock >> 3), bool(clock & 4)};
  return true;
}

}  // namespace

uint64_t ticks_now() { return read_time(); }
const TickRate& tick_rate() { return clocks.rate; }

void start_clocks(uint64_t timebase) { clocks.rate = TickRate::of(timebase); }

void resume_clocks(uint64_t frozen_at) {
  uint64_t now = read_time();
  if (now > frozen_at) clocks.skipped += now - frozen_at;
}

void anchor_realtime(uint64_t realtime) {
  clocks.realtime = realtime - counter_ns();
  ++clocks.generation;
  update_vdso_clocks();
}

ClockOffsets clock_offsets() { return {clocks.skipped, clocks.realtime}; }

uint64_t monotonic_ns() { return clocks.rate.to_nanoseconds(read_time() - clocks.skipped); }
uint64_t boottime_ns() { return counter_ns(); }
uint64_t realtime_ns() { return counter_ns() + clocks.realtime; }
uint64_t realtime_generation() { return clocks.generation; }

ErrorOr<uint64_t> deadline_of(int clock, const TimeSpec& moment) {
  if (!moment.valid()) return fail(Errno::Invalid);
  uint64_t ticks = clocks.rate.from(moment);
  switch (clock) {
    case ClockMonotonic: case ClockMonotonicRaw: case ClockMonotonicCoarse:
      return ticks + clocks.skipped;
    case ClockBoottime: case ClockBoottimeAlarm:
      return ticks;
    case ClockRealtime: case ClockRealtimeCoarse: case ClockRealtimeAlarm: case ClockTai: {
      // The offset is far below a moment of our days; an earlier one has passed.
      constexpr uint64_t Far = uint64_t(1) << 62;
      if (ticks >= Far) return Far;
      uint64_t ns = uint64_t(moment.seconds) * NanosecondsPerSecond + uint64_t(moment.nanoseconds);
      if (uint64_t(moment.seconds) > INT64_MAX / NanosecondsPerSecond) return Far;
      return ns <= clocks.realtime ? 0 : clocks.rate.from_nanoseconds(ns - clocks.realtime);
    }
    default:
      return fail(Errno::Invalid);
  }
}

ErrorOr<uint64_t> read_clock_ns(int clock) {
  switch (clock) {
    case ClockRealtime: case ClockRealtimeCoarse: case ClockRealtimeAlarm: case ClockTai:
      return realtime_ns();
    case ClockMonotonic: case ClockMonotonicRaw: case ClockMonotonicCoarse:
      return monotonic_ns();
    case ClockBoottime: case ClockBoottimeAlarm:
      return boottime_ns();
    default:
      break;
  }
  CpuClock cpu;
  if (!is_cpu_clock(clock, cpu)) return fail(Errno::Invalid);
  if (cpu.thread) {
    Thread* thread = cpu.id ? find_thread(cpu.id) : &current_thread();
    if (!thread || thread->process != current_thread().process) return fail(Errno::Invalid);
    return clocks.rate.to_nanoseconds(cpu_ticks(*thread));
  }
  Process* process = cpu.id ? find_process(cpu.id) : &current_process();
  if (!process || process->state == ProcessState::Zombie) return fail(Errno::Invalid);
  return clocks.rate.to_nanoseconds(process->usage().cpu_ticks);
}

ErrorOr<void> set_clock(int clock, const TimeSpec& value) {
  if (clock != ClockRealtime) return fail(Errno::Invalid);
  if (!value.valid() || uint64_t(value.seconds) > INT64_MAX / NanosecondsPerSecond - 1) return fail(Errno::Invalid);
  if (!current_credentials().has(Capability::Time)) return fail(Errno::Perm);
  anchor_realtime(uint64_t(value.seconds) * NanosecondsPerSecond + uint64_t(value.nanoseconds));
  realtime_was_set();
  return {};
}

}  // namespace pl
