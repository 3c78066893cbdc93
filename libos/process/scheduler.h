// SPDX-License-Identifier: BSD-2-Clause
// Who runs: of the runnable threads of the instance those of the highest rank, round robin; a real-time thread (sched(7)) stays until it
// sleeps, gives way or a higher one wakes up. The libOS itself is never preempted.
#pragma once

#include <cstdint>

#include "process/thread.h"

namespace pl {

constexpr uint64_t SliceNanoseconds = 5'000'000, RealTimeSliceNanoseconds = 100'000'000;

// Gives the hart to the next runnable thread, or waits for one (the hart goes back to the host meanwhile). A Runnable caller goes to the
// end of the queue; any other is continued by wake_thread or resume_thread. No lock held.
void schedule();

// A Sleeping thread becomes runnable; any other remembers it, for a sleep that is about to begin.
void wake_thread(Thread& thread);
// A Stopped thread becomes runnable.
void resume_thread(Thread& thread);
// Another place among those that are runnable; behind its new like, but before them if it had a higher one.
void set_rank(Thread& thread, uint8_t rank);
// Whether some thread ever had a rank.
bool any_rank();
// A new thread: from now on it is scheduled.
void start_thread(Thread& thread);
// A thread that runs in user mode on another hart is to look at its work.
void kick(Thread& thread);

// The current thread is Dead: never returns; whoever runs next frees it.
[[noreturn]] void leave_for_good();

// Makes `thread` the running one of this hart without a switch: the first thread of an instance, and what execve left.
void adopt_running_thread(Thread& thread);

// The floating-point registers of the current thread, where they can be read or changed: in Thread::floats.
void save_floats(Thread& thread);
void load_floats(Thread& thread);   // Thread::floats were changed: into the hart
void reset_floats(Thread& thread);  // execve

// The hart's timer fired, or a thread is about to enter user mode with WorkTimer: expired timers fire, the next interrupt is set.
void timer_interrupt();
void set_hart_timer();

// Consumed time CSR ticks, up to now for the running thread.
uint64_t cpu_ticks(const Thread& thread);
unsigned runnable_count();

}  // namespace pl
