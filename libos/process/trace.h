// SPDX-License-Identifier: BSD-2-Clause
// What a debug enclave tells the host of its program's doings (syscall/trace.cpp); no other enclave does.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace pl {

class Thread;
struct SignalInfo;

// Once, before the first process is loaded: every call from then on is traced. ENOMEM.
void enable_system_call_trace();
extern bool calls_are_traced;
inline bool system_calls_are_traced() { return calls_are_traced; }

// Before and after each call.
void trace_system_call(const Thread& thread);
void trace_result(const Thread& thread, uint64_t number, uint64_t result);
// A signal is taken off the queue: its handler runs next, or its default action happens.
void trace_signal(const Thread& thread, const SignalInfo& info);
// It stops with its process.
void trace_stop(const Thread& thread);
// A thread ends, with a status as wait4 reports it; `last`: and its process with it.
void trace_end(const Thread& thread, int status, bool last);

}  // namespace pl
