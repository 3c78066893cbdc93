// SPDX-License-Identifier: BSD-2-Clause
// The debugger of a debug enclave is on the host: where the program stops, the libOS asks it what to do (PL_OP_DEBUG in
// penglai/ocall.h) and runs nothing else until it says to go on. Without the measured flag nothing here does anything, whatever the host asks.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "penglai/ocall.h"
#include "process/signal.h"

namespace pl {

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
// Likewise, for what is no signal: the stop's address and code.
void tell_of(uint32_t reason, uint64_t what, int code);
inline void stop_of(uint32_t reason, uint64_t what, int code = 0) { if (enabled()) tell_of(reason, what, code); }
bool wants(uint32_t reason);

// A signal was taken off the queue; false: the debugger keeps it. It may also make another of it.
bool may_take_slowly(Thread& thread, SignalInfo& info);
inline bool may_take(Thread& thread, SignalInfo& info) { return !enabled() || may_take_slowly(thread, info); }

// A new thread, before it runs.
void hold_if_not_its_turn(Thread& thread);
inline void thread_starts(Thread& thread) { if (enabled()) hold_if_not_its_turn(thread); }
// WorkDebug: stays here as long as the debugger wants only another thread to run.
void wait_for_turn(Thread& thread);
void thread_ends(Thread& thread);

// Before a call; false: the debugger has sent the thread elsewhere, and the call is not made.
bool may_call(Thread& thread);
// The debugger gave a thread that was inside a call, begun at `place` with `first` as its first argument, other registers, and it has left
// the call with this result. Returns what is in a0 now.
uint64_t call_was_left(Thread& thread, uint64_t place, uint64_t first, uint64_t result);
void executed();

}  // namespace debug
}  // namespace pl
