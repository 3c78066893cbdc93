// SPDX-License-Identifier: BSD-2-Clause
// Where arch/ hands over to processes: traps from user mode, and the two beginnings of an instance.
#pragma once

#include <cstdint>

#include "arch/trap_frame.h"
#include "base/error.h"

struct pl_instance;

namespace pl {
class Thread;
}

namespace pl {

// A trap from user mode that is no system call, on the current thread's kernel stack, interrupts off. On return arch/ restores `frame`
// and goes to user mode.
extern "C" void user_trap(TrapFrame* frame, uint64_t cause, uint64_t value);

// After a system call whose thread has work. Its value is in the frame by now.
extern "C" void finish_system_call();

// What user_trap() does last, for a thread that has not come from a trap: its work, before user mode.
void finish_trap(Thread& thread);

// Loads the program that the measured configuration names into the first process, up to but without what is per instance (stack,
// arguments, environment, bases). Also what a template does before its freeze.
ErrorOr<void> load_first_program(const char* path);
// The first process cannot begin: why, and the exit status that says so.
[[noreturn]] void give_up(const char* what, Errno error);

// The first process without a program, for a template whose forks are told which one to load; what nearly every program of a verified root
// image needs is read from it.
ErrorOr<void> prepare_for_any_program();
// Before a freeze: what forks will need of it and of its libraries is read from a verified root image once.
void prefetch_first_program();
// And what the measured configuration says that they will need.
void prefetch_named_paths();

// Completes the first process from what the host asks of this instance, its program included when none is loaded, and goes to the program's
// first instruction. A cold enclave calls it after load_first_program, a fork from its entry. `instance` is host memory: each field is read once and checked.
[[noreturn]] void continue_fork(const pl_instance* instance, uint32_t readable_bytes);

// load_first_program and continue_fork in one, for an enclave without a freeze.
[[noreturn]] void start_first_process(const char* path, const pl_instance* instance, uint32_t readable_bytes);

}  // namespace pl
