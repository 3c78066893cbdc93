// SPDX-License-Identifier: BSD-2-Clause
// Handing signals to a program: the frame on its stack, and the way back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "arch/trap_frame.h"
#include "process/signal.h"

namespace pl {

class Thread;

// Linux's rt_sigframe of riscv64 (arch/riscv/kernel/signal.c, uapi asm/ucontext.h, asm/sigcontext.h): debuggers, unwinders and
// programs look into it.
struct SignalFrame {
  uint8_t info[SignalInfoSize];
  struct Context {
    uint64_t flags, link;
    uint64_t stack_base;
    int32_t stack_flags, pad;
    uint64_t stack_size;
    SignalSet mask;
    uint8_t unused[1024 / 8 - sizeof(SignalSet)];
    alignas(16) uint64_t registers[32];  // pc, then x1 to x31
    struct alignas(16) Floats {          // union __riscv_fp_state, D state
      uint64_t f[32];
      uint32_t fcsr;
      uint8_t unused[512 - 260];         // up to where Q state would end
      uint32_t fcsr_of_q, reserved[3];   // reserved: zero, or another extension's header
    } floats;
  } context;
};
static_assert(offsetof(SignalFrame, context) == 128);
static_assert(offsetof(SignalFrame, context.registers) == 128 + 176);
static_assert(offsetof(SignalFrame, context.floats) == 128 + 176 + 256);
static_assert(sizeof(SignalFrame) == 128 + 176 + 256 + 528);

enum class RestartCall : uint8_t { No, IfInterrupted };

// On the way to user mode with WorkSignal: acts on what is pending, restarts or ends an interrupted system call. May not return.
void handle_signals(Thread& thread, RestartCall restart);

// rt_sigreturn: the frame as it was; false when the program's frame is not one.
bool return_from_signal(Thread& thread);

// Changes the mask of the current thread and sees to what that lets through.
void set_blocked(Thread& thread, SignalSet blocked);

}  // namespace pl
