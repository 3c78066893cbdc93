// SPDX-License-Identifier: BSD-2-Clause
// Clocks. All come from the hart's time CSR, which the host cannot set back; the host only says, once, what day it is.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace pl {

constexpr uint64_t NanosecondsPerSecond = 1'000'000'000;

// clock ids of clock_gettime(2)
enum ClockId : int {
  ClockRealtime = 0, ClockMonotonic = 1, ClockProcessCpu = 2, ClockThreadCpu = 3, ClockMonotonicRaw = 4, ClockRealtimeCoarse = 5,
  ClockMonotonicCoarse = 6, ClockBoottime = 7, ClockRealtimeAlarm = 8, ClockBoottimeAlarm = 9, ClockTai = 11,
};

struct TimeSpec {
  int64_t seconds = 0, nanoseconds = 0;
  bool valid() const { return seconds >= 0 && nanoseconds >= 0 && nanoseconds < int64_t(NanosecondsPerSecond); }
};

// Conversions of the time CSR's unit: pure, so that they can be tested for any timebase.
struct TickRate {
  uint64_t per_second = 10'000'000;
  uint64_t multiplier = uint64_t(100) << 32;  // nanoseconds a tick, 32.32

  static constexpr TickRate of(uint64_t per_second) { return {per_second, (NanosecondsPerSecond << 32) / per_second}; }
  constexpr uint64_t to_nanoseconds(uint64_t ticks) const { return uint64_t((unsigned __int128)ticks * multiplier >> 32); }
  // Rounded up, so that no sleep is too short; saturating.
  constexpr uint64_t from_nanoseconds(uint64_t ns) const {
    uint64_t seconds = ns / NanosecondsPerSecond, rest = ns % NanosecondsPerSecond;
    return seconds * per_second + (rest * per_second + NanosecondsPerSecond - 1) / NanosecondsPerSecond;
  }
  constexpr uint64_t from(const TimeSpec& t) const {
    constexpr uint64_t Far = uint64_t(1) << 62;
    uint64_t ticks;
    if (__builtin_mul_overflow(uint64_t(t.seconds), per_second, &ticks) || ticks >= Far) return Far;
    return ticks + from_nanoseconds(uint64_t(t.nanoseconds));
  }
};

constexpr TimeSpec to_timespec(uint64_t ns) {
  return {int64_t(ns / NanosecondsPerSecond), int64_t(ns % NanosecondsPerSecond)};
}

constexpr uint64_t saturating_nanoseconds(const TimeSpec& t) {
  constexpr uint64_t Far = INT64_MAX;
  if (uint64_t(t.seconds) >= Far / NanosecondsPerSecond) return Far;
  return uint64_t(t.seconds) * NanosecondsPerSecond + uint64_t(t.nanoseconds);
}

// ---- the instance's clocks ----

uint64_t ticks_now();  // the time CSR
const TickRate& tick_rate();
inline uint64_t milliseconds_to_ticks(uint64_t ms) { return tick_rate().from_nanoseconds(ms * 1'000'000); }

// Once at boot, and once more in each fork: the template's frozen time does not count for MONOTONIC. `realtime` is the host's claim
// of now, in nanoseconds since 1970.
void start_clocks(uint64_t timebase);
void resume_clocks(uint64_t frozen_at);
void anchor_realtime(uint64_t realtime);

// What a program's own clock code needs (process/vdso.h).
struct ClockOffsets { uint64_t skipped_ticks, realtime; };
ClockOffsets clock_offsets();

uint64_t monotonic_ns();
uint64_t boottime_ns();
uint64_t realtime_ns();
// A moment of REALTIME or MONOTONIC or BOOTTIME as a time CSR value.
ErrorOr<uint64_t> deadline_of(int clock, const TimeSpec& moment);
ErrorOr<uint64_t> read_clock_ns(int clock);  // any clock id, CPU clocks included; EINVAL
ErrorOr<void> set_clock(int clock, const TimeSpec& value);
// Moves when REALTIME is set. Absolute sleepers and timers on it then look again: realtime_was_set() (interval.h) sees to that.
uint64_t realtime_generation();
void realtime_was_set();
void wake_realtime_sleepers();
// Like sleep(), interruptible, until a moment of REALTIME; returns early, too, when that has been set.
ErrorOr<void> sleep_until_realtime(const TimeSpec& moment);

}  // namespace pl
