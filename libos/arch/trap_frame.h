// SPDX-License-Identifier: BSD-2-Clause
// What a trap from user mode saves, wherever the thread keeps it; traps.S knows its layout. The memory is private to this instance
// whenever the program runs, so that saving cannot fault: return_to_user() and the way back from user_trap() see to it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pl {

// Numbers of the integer registers that the calling convention names (RISC-V psABI, 1.1).
enum Register : unsigned {
  RegisterRa = 1, RegisterSp = 2, RegisterGp = 3, RegisterTp = 4, RegisterA0 = 10, RegisterA1 = 11, RegisterA2 = 12,
  RegisterA3 = 13, RegisterA4 = 14, RegisterA5 = 15, RegisterA6 = 16, RegisterA7 = 17,
};

// sstatus (privileged specification, 12.1.1).
constexpr uint64_t StatusPreviousInterrupts = 1u << 5;  // SPIE: interrupts on after sret
constexpr uint64_t StatusFromSupervisor = 1u << 8;      // SPP
constexpr uint64_t StatusUserMemory = 1u << 18;         // SUM
constexpr uint64_t StatusFpMask = 3u << 13;             // FS
constexpr uint64_t StatusFpInitial = 1u << 13;
constexpr uint64_t StatusFpClean = 2u << 13;
constexpr uint64_t StatusFpDirty = 3u << 13;

struct TrapFrame {
  uint64_t x[32] = {};  // x[0] is not a register: the context block, set by return_to_user()
  uint64_t pc = 0;
  uint64_t status = 0;

  uint64_t& a(unsigned n) { return x[RegisterA0 + n]; }
  uint64_t a(unsigned n) const { return x[RegisterA0 + n]; }
  uint64_t& sp() { return x[RegisterSp]; }
};
static_assert(sizeof(TrapFrame) == 272 && sizeof(TrapFrame) % 16 == 0);

// A program's first frame: every register zero, interrupts on, floating point in its initial state (call reset_fp() as well).
inline void initialize_frame(TrapFrame& frame, uint64_t pc, uint64_t sp) {
  frame = {};
  frame.pc = pc;
  frame.x[RegisterSp] = sp;
  frame.status = StatusPreviousInterrupts | StatusFpInitial;
}

// Leaves for user mode. The next trap saves into `frame` and calls user_trap(&frame, ...) on an empty kernel stack, the one that
// this_context().kernel_stack_top names then.
extern "C" [[noreturn]] void return_to_user(TrapFrame& frame);

// Causes (privileged specification, table 22); bit 63 marks an interrupt.
enum class Cause : uint64_t {
  FetchMisaligned = 0, FetchAccess = 1, Illegal = 2, Breakpoint = 3, LoadMisaligned = 4, LoadAccess = 5, StoreMisaligned = 6,
  StoreAccess = 7, UserCall = 8, FetchPage = 12, LoadPage = 13, StorePage = 15,
  SoftwareInterrupt = (uint64_t(1) << 63) | 1, TimerInterrupt = (uint64_t(1) << 63) | 5, ExternalInterrupt = (uint64_t(1) << 63) | 9,
};

// Does a misaligned load or store of a program for it (causes 4 and 6) and steps over it. Handled: done. Fault: the access is
// a page fault at `address`, wants `store`. Illegal: not an instruction that can be misaligned (an atomic): SIGBUS.
struct Emulation { enum { Handled, Fault, Illegal } outcome; uint64_t address; bool store; };
Emulation emulate_misaligned(TrapFrame& frame, uint64_t address);

}  // namespace pl
