// SPDX-License-Identifier: BSD-2-Clause
// The one table of system calls (table.def): from it come the declarations of the handlers, the dispatch, the trace and the list of what is
// supported.
#pragma once

#include <cstdint>

#include "arch/context.h"
#include "arch/layout.h"
#include "base/error.h"
#include "ipc/queue_file.h"
#include "ipc/semaphore.h"
#include "memory/user.h"
#include "net/abi.h"
#include "process/limits.h"
#include "syscall/abi.h"
#include "syscall/accepted.h"
#include "syscall/file_abi.h"

namespace pl {

class Thread;

// A handler's parameter is an integer, a UserAddress, a UserIn<T> or a UserOut<T>; the value is what the program gets.
using Result = ErrorOr<uint64_t>;

#define PL_SYSCALL(number, name, handler, ...) Result handler(__VA_ARGS__);
#include "syscall/table.def"
#undef PL_SYSCALL

constexpr unsigned SystemCallLimit = PL_SYSTEM_CALL_LIMIT;

// By number; the last entry is for every number beyond. Each returns the program's value or -errno; a kernel-internal errno (restart)
// together with WorkSignal.
extern const SystemCall system_calls[SystemCallLimit + 1];
// In traps.S: saves the registers that a call otherwise leaves where they are, and goes on in whole_frame_call().
extern "C" uint64_t whole_frame_call_entry(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
// For a debug enclave, once, before the first process is loaded: from then on every call is entered so. ENOMEM.
ErrorOr<void> watch_system_calls();

}  // namespace pl
