// SPDX-License-Identifier: BSD-2-Clause
// The debugger of a debug enclave is on the host: where the program stops, the libOS asks it what to do (PL_OP_DEBUG in
// penglai/ocall.h) and runs nothing else until it says to go on. Without the measured flag nothing here does anything, whatever the host asks.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "penglai/ocall.h"
#include "process/signal.h"

namespace pl {

class AddressSpace;
class Process;
class Thread;

namespace debug {

extern bool is_enabled;
inline bool enabled() { return is_enabled; }
// Once, before the first process is loaded. Forks of a template have it as their template does.
void enable();

// The current thread stops for `reason` (PL_STOP_*), if anybody wants to know. Returns the signal that it goes on with, 0 for none.
int tell(uint32_t reason, const SignalInfo& info);
inline int stop(uint32_t reason, const SignalInfo& info = {}) { return enabled() ? tell(reason, info) : info.number; }

// A signal was taken off the queue; false: the debugger keeps it. It may also make another of it.
bool may_take_slowly(Thread& thread, SignalInfo& info);
inline bool may_take(Thread& thread, SignalInfo& info) { return !enabled() || may_take_slowly(thread, info); }

// A new thread, before it runs.
void hold_if_not_its_turn(Thread& thread);
inline void thread_starts(Thread& thread) { if (enabled()) hold_if_not_its_turn(thread); }
// WorkDebug: stays here as long as the debugger wants only another thread to run.
void wait_for_turn(Thread& thread);
void thread_ends(Thread& thread);

// Breakpoints are the first process's: a copy of its memory does not keep them, nor does the program that it executes.
ErrorOr<void> clear_breakpoints(AddressSpace& of, AddressSpace& copy);
void executed(Process& process);

}  // namespace debug
}  // namespace pl
