// SPDX-License-Identifier: BSD-2-Clause
#include "agent.h"

#include "csr_list.h"

#define AGENT __attribute__((section(".agent")))

extern "C" {
u64 agent_user(u64 counters);
u64 agent_registers(u64 rounds);
void agent_float_fill(u64 pattern, u64 fcsr);

struct Two {
  u64 a0, a1;
};
Two agent_float_or();

AGENT static Two agent_ecall(u64 extension, u64 function, u64 a, u64 b, u64 c, u64 d) {
  register u64 a0 __asm__("a0") = a;
  register u64 a1 __asm__("a1") = b;
  register u64 a2 __asm__("a2") = c;
  register u64 a3 __asm__("a3") = d;
  register u64 a6 __asm__("a6") = function;
  register u64 a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a6), "r"(a7) : "memory");
  return {a0, a1};
}

// No switch tables: they would be outside of the page that the enclave has.
AGENT static u64 agent_csr(u64 index) {
#define READ(name, number) \
  if (index == name) return CSR_READ(number);
  CSR_LIST(READ)
#undef READ
  return 0;
}

AGENT static void agent_csr_write(u64 index, u64 value) {
#define WRITE(name, number) \
  if (index == name) CSR_WRITE(number, value);
  CSR_LIST(WRITE)
#undef WRITE
}

AGENT __attribute__((noinline)) static void agent_do(volatile Command* command) {
  const u64 operation = command->operation;
  const u64 a0 = command->a[0], a1 = command->a[1], a2 = command->a[2];
  u64 result = 0;
  if (operation == kRead) {
    __asm__ volatile(".option push\n.option norvc\nld %0, 0(%1)\n.option pop" : "=r"(result) : "r"(a0) : "memory");
  } else if (operation == kWrite) {
    __asm__ volatile(".option push\n.option norvc\nsd %0, 0(%1)\n.option pop" ::"r"(a1), "r"(a0) : "memory");
  } else if (operation == kExecute) {
    reinterpret_cast<void (*)()>(a0)();
  } else if (operation == kEcall) {
    const Two out = agent_ecall(a0, a1, a2, command->a[3], command->a[4], command->a[5]);
    result = out.a0;
    command->result[1] = out.a1;
  } else if (operation == kSpin) {
    for (;;) command->counter = command->counter + 1;
  } else if (operation == kFloatFill) {
    agent_float_fill(a0, a1);
  } else if (operation == kFloatSum) {
    const Two out = agent_float_or();
    result = out.a0;
    command->result[1] = out.a1;
  } else if (operation == kCsr) {
    result = agent_csr(a0);
  } else if (operation == kCsrWrite) {
    agent_csr_write(a0, a1);
  } else if (operation == kIsZero) {
    result = 1;
    for (u64 at = a0; at < a0 + a1; at += 8) {
      if (*reinterpret_cast<volatile u64*>(at) != 0) result = 0;
    }
  } else if (operation == kFill) {
    for (u64 at = a0; at < a0 + a1; at += 8) *reinterpret_cast<volatile u64*>(at) = a2;
  } else if (operation == kAwait) {
    u64 scratch;
    __asm__ volatile("csrr %0, sscratch" : "=r"(scratch));
    volatile u64* traps = reinterpret_cast<volatile u64*>(scratch);
    const u64 before = traps[0];
    __asm__ volatile("csrs sie, %0\ncsrsi sstatus, 2" ::"r"(a0) : "memory");
    while (traps[0] == before) command->counter = command->counter + 1;
    __asm__ volatile("csrci sstatus, 2" ::: "memory");
    result = traps[1];
  } else if (operation == kIllegal) {
    __asm__ volatile(".word 0xffffffff");
  } else if (operation == kUserCall || operation == kUserCounters) {
    agent_user(operation == kUserCounters);
    u64 scratch;
    __asm__ volatile("csrr %0, sscratch" : "=r"(scratch));
    result = reinterpret_cast<volatile u64*>(scratch)[1];
  } else if (operation == kRegisters) {
    result = agent_registers(a0);
  } else if (operation == kPutAndRead) {
    agent_ecall(PL_SBI_EXTENSION, PL_ENCLAVE_EXTENT_PUT, a0, 0, 0, 0);
    result = *reinterpret_cast<volatile u64*>(a0);
  } else if (operation == kVirtual) {
    u64 pc;
    __asm__ volatile("csrs 0x600, %1\nlla %0, 1f\ncsrw sepc, %0\ncsrs sstatus, %2\nsret\n1: j 1b"
                     : "=&r"(pc)
                     : "r"(u64{1} << 7), "r"(u64{1} << 8)
                     : "memory");
  }
  command->result[0] = result;
}

AGENT void agent_main(struct pl_boot* boot, u64 number, u64 cookie, u64 instret) {
  // Context n has the n-th 512 bytes of the window.
  volatile Command* command = reinterpret_cast<volatile Command*>(boot->window[PL_WINDOW_OCALL].base + 512 * number);
  command->first_instruction = instret;
  command->cookie = cookie;
  command->number = number;
  const volatile u64* traps = reinterpret_cast<const volatile u64*>(reinterpret_cast<u64>(boot) + 1024);
  for (;;) {
    agent_do(command);
    command->traps = traps[0];
    command->cause = traps[1];
    command->value = traps[2];
    agent_ecall(PL_SBI_EXTENSION, PL_ENCLAVE_LEAVE, PL_LEFT_DOORBELL, 0, 0, 0);
  }
}
}
