// SPDX-License-Identifier: BSD-2-Clause
// The one table of system calls (table.def): from it come the declarations of the handlers, the dispatch, the trace and the list of what is
// supported.
#pragma once

#include <cstdint>

#include "arch/trap_frame.h"
#include "base/error.h"
#include "memory/user.h"
#include "process/limits.h"
#include "syscall/abi.h"
#include "syscall/file_abi.h"

namespace pl {

class Thread;

// A handler's parameter is an integer, a UserAddress, a UserIn<T> or a UserOut<T>; the value is what the program gets.
using Result = ErrorOr<uint64_t>;

#define PL_SYSCALL(number, name, handler, ...) Result handler(__VA_ARGS__);
#include "syscall/table.def"
#undef PL_SYSCALL

constexpr unsigned SystemCallLimit = 464;

// Runs the call with the arguments in the frame and leaves its value, or -errno, in the frame's a0; a kernel-internal errno (restart)
// together with WorkSignal. The last entry is for every number beyond.
using SystemCallEntry = void (*)(TrapFrame&);
extern const SystemCallEntry system_call_entries[SystemCallLimit + 1];

struct SystemCallDescription {
  const char* name = nullptr;  // null: not supported
  uint8_t arguments = 0;
};
extern const SystemCallDescription system_call_descriptions[SystemCallLimit];

// One line in the log for the call that `thread` has just made. Only a debug enclave's threads have WorkTrace.
void trace_system_call(const Thread& thread);
void trace_fault(const Thread& thread, int number, int code, uint64_t address);
// Once, before the first process is loaded: every thread from then on is traced.
void enable_system_call_trace();
bool system_calls_are_traced();

}  // namespace pl
