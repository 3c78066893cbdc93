// SPDX-License-Identifier: BSD-2-Clause
// setitimer(2) and timer_create(2).
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/list.h"
#include "process/signal.h"
#include "time/clock.h"
#include "time/timer.h"

namespace pl {

class Process;

struct IntervalValue { TimeSpec interval, value; };  // itimerspec

// A timer that sends a signal. Counts in nanoseconds: of the time CSR, or consumed ones for a CPU clock. What is due between two ticks comes at
// the second, and the next expiry is counted from when it was due.
struct SignalTimer : Timer {
  Process* process = nullptr;
  int clock = ClockRealtime;
  int signal = 0;             // 0: none is sent (SIGEV_NONE)
  uint64_t interval = 0;      // 0: one-shot
  uint64_t cpu_deadline = 0;  // of a CPU clock; 0: disarmed
  uint64_t early = 0;         // how long before its deadline, a tick, it is due
  uint64_t skipped = 0;       // expiries before the deadline that wake nobody

  bool counts_cpu() const;
  bool running() const { return armed() || cpu_deadline; }
  uint64_t left() const;  // at least 1 while it runs
  IntervalValue value() const;
  void stop();
  // `ns` from now, or at that moment of its clock. 0 stops it.
  void start(uint64_t ns, bool absolute);
  // Due at `now`: sets the next expiry of a periodic one. Returns how many were missed.
  uint64_t advance(uint64_t now);
  uint64_t now() const;
  uint64_t due() const;  // the expiry that it waits for
  void set_due(uint64_t ns);
};

// What an absolute timer with this deadline, in ticks, is started with: at least 1.
uint64_t moment_of(uint64_t deadline);

// timer_create(2)'s.
struct PosixTimer : SignalTimer, QueuedSignal {
  int id = 0;
  int thread = 0;              // SIGEV_THREAD_ID
  uint64_t signal_value = 0;   // sigev_value
  uint64_t missed = 0;         // expiries since the signal was queued
  int overrun = 0;             // of the signal last taken
  bool absolute = false;       // `expiry` is a moment of REALTIME, which may be set
  TimeSpec expiry;
  ListLink<PosixTimer> link;

  void expired(uint64_t now);
  // Its signal is about to be delivered: says how often it expired besides.
  void taken_at(uint64_t now);

 private:
  void skip_until(uint64_t soon);
};

class IntervalTimers {
 public:
  enum Which : int { Real = 0, Virtual = 1, Profile = 2 };
  SignalTimer interval[3];
  List<PosixTimer, &PosixTimer::link> posix;
  int next_id = 0;
  bool uses_cpu = false;  // some CPU clock's timer runs, or RLIMIT_CPU counts: look at each tick

  PosixTimer* find(int id);
  void stop_all();    // at the end of a process
  void stop_posix();  // and at execve
  void destroy(PosixTimer& timer);
};

// Once for each of a process's interval timers, before the first use.
SignalTimer& interval_timer(Process& process, IntervalTimers::Which which);

// Told when CLOCK_REALTIME has been set: in a fork too, where it is anchored anew.
class RealtimeWatcher {
 public:
  virtual void realtime_was_set() = 0;
  ListLink<RealtimeWatcher> watchers;

 protected:
  ~RealtimeWatcher() = default;
};
void watch_realtime(RealtimeWatcher& watcher);
void unwatch_realtime(RealtimeWatcher& watcher);  // if it watches

// At a tick: fires what is due of the running process's CPU clocks.
void check_cpu_timers(Process& process);
void update_cpu_use(Process& process);  // sets uses_cpu

}  // namespace pl
