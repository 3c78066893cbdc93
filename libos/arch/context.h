// SPDX-License-Identifier: BSD-2-Clause
// Kernel threads of control: the per-context block (one for each hart that the enclave uses at once) and the switch between
// kernel stacks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pl {

class Thread;
class AddressSpace;

// What a program's ecall enters: arguments in a0 to a5, the number in a7; what it returns is the program's a0.
using SystemCall = uint64_t (*)(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t number);

// Found through tp while the libOS runs; the trap frame's x[0] keeps it while the program does. In the hot block.
struct ContextBlock {
  uint64_t fault_scratch[2];  // traps.S
  uint64_t fault_stack_top;   // traps.S
  uint64_t kernel_stack_top;  // of the current thread, 16-byte aligned: whoever makes a thread current sets it. traps.S
  Thread* thread = nullptr;   // process/: whom this context runs. traps.S
  const SystemCall* system_calls = nullptr;  // by number, the last for every number beyond. traps.S
  AddressSpace* address_space = nullptr;  // AddressSpace::activate(): what user copies reach
  uint32_t index = 0;
  uint32_t locks_held = 0;  // one bit a rank, checked builds
};

#ifdef PL_HOSTED
inline ContextBlock hosted_context;
inline ContextBlock& this_context() { return hosted_context; }
#else
inline ContextBlock& this_context() {
  ContextBlock* block;
  asm("mv %0, tp" : "=r"(block));
  return *block;
}
#endif

// Callee-saved registers of a kernel stack that is not running.
struct KernelContext {
  uint64_t ra = 0, sp = 0, s[12] = {};

  // The first switch to it calls entry(argument) on the stack that ends at `stack_top` (16-byte aligned); entry never returns.
  void start(uint64_t stack_top, void (*entry)(void*), void* argument);
};

extern "C" void switch_to(KernelContext& from, KernelContext& to);

// Forgets everything on the current stack and calls entry(argument) at its top.
extern "C" [[noreturn]] void restart_stack(uint64_t stack_top, void (*entry)(void*), void* argument);

}  // namespace pl
