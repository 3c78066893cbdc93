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
class Thread;

struct IntervalValue { TimeSpec interval, value; };  // itimerspec

// A timer that sends a signal. Counts in ticks of its clock: time CSR for the time clocks, consumed ticks for CPU clocks.
struct SignalTimer : Timer {
  Process* process = nullptr;
  uint64_t interval = 0;      // ticks; 0 one-shot
  uint64_t cpu_deadline = 0;  // CPU clocks: consumed ticks at which it fires; 0 disarmed
  int clock = ClockRealtime;
  int signal = 0;             // 0: none is sent (SIGEV_NONE)
};

// timer_create(2)'s.
struct PosixTimer : SignalTimer {
  int id = 0;
  int thread = 0;  // SIGEV_THREAD_ID
  uint32_t missed = 0, overrun = 0;
  QueuedSignal queued;
  ListLink<PosixTimer> link;
};

class IntervalTimers {
 public:
  enum Which : int { Real = 0, Virtual = 1, Profile = 2 };
  SignalTimer interval[3];
  List<PosixTimer, &PosixTimer::link> posix;
  int next_id = 0;
  bool uses_cpu = false;  // some CPU-clock timer is armed: look at each tick

  void stop_all();  // exit, and timer_create's at execve
  void stop_posix();
};

// At a tick or a switch: fires the CPU-clock timers of the running process that are due.
void check_cpu_timers(Process& process);

}  // namespace pl
