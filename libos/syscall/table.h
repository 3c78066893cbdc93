// SPDX-License-Identifier: BSD-2-Clause
// The one table of system calls (table.def): from it come the declarations of the handlers, the dispatch, the trace and the list of what is
// supported.
#pragma once

#include <cstdint>

#include "arch/trap_frame.h"
#include "base/error.h"
#include "memory/user.h"
#include "syscall/abi.h"
#include "syscall/file_abi.h"

namespace pl {

// A handler's parameter is an integer, a UserAddress, a UserIn<T> or a UserOut<T>; the value is what the program gets.
using Result = ErrorOr<uint64_t>;

#define PL_SYSCALL(number, name, handler, ...) Result handler(__VA_ARGS__);
#include "syscall/table.def"
#undef PL_SYSCALL

constexpr unsigned SystemCallLimit = 464;

// Runs the call that the frame's a7 names and leaves its value, or -errno, in the frame's a0. Kernel-internal errors (restarts) too.
using SystemCallEntry = void (*)(TrapFrame&);
extern const SystemCallEntry system_call_entries[SystemCallLimit];

struct SystemCallDescription {
  const char* name = nullptr;  // null: not supported
  uint8_t arguments = 0;
};
extern const SystemCallDescription system_call_descriptions[SystemCallLimit];

// Writes one line a call to the log; debug enclaves only.
void trace_system_call(unsigned number, const uint64_t (&arguments)[6], int64_t result);

}  // namespace pl
