// SPDX-License-Identifier: BSD-2-Clause
#include "arch/monitor.h"

#include "arch/start.h"
#include "arch/time.h"
#include "memory/frame.h"

namespace pl {

const pl_boot& boot_parameters() { return *static_cast<const pl_boot*>(frame_pointer(boot_page())); }

namespace monitor {
namespace {

struct Answer {
  int64_t error;
  uint64_t value;
};

// SBI 2.0, chapter 3: only a0 and a1 change.
inline Answer call(uint64_t function, uint64_t first = 0, uint64_t second = 0, uint64_t third = 0, uint64_t extension = PL_SBI_EXTENSION) {
  register uint64_t a0 asm("a0") = first;
  register uint64_t a1 asm("a1") = second;
  register uint64_t a2 asm("a2") = third;
  register uint64_t a6 asm("a6") = function;
  register uint64_t a7 asm("a7") = extension;
  asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return {int64_t(a0), a1};
}

Result<uint64_t> value_of(Answer answer) {
  if (answer.error) return std::unexpected(Status(answer.error));
  return answer.value;
}

Result<void> success_of(Answer answer) {
  if (answer.error) return std::unexpected(Status(answer.error));
  return {};
}

constexpr uint64_t TimeExtension = 0x54494D45;

}  // namespace

void exit(uint32_t status) {
  for (;;) call(PL_ENCLAVE_EXIT, status);
}
void fault(uint32_t reason) {
  for (;;) call(PL_ENCLAVE_FAULT, reason);
}
void doorbell() { call(PL_ENCLAVE_LEAVE, PL_LEFT_DOORBELL); }
void idle(uint64_t deadline) { call(PL_ENCLAVE_LEAVE, PL_LEFT_IDLE, deadline); }
Result<uint64_t> grow(uint64_t bytes) { return value_of(call(PL_ENCLAVE_GROW, bytes)); }
Result<PhysicalAddress> extent_get(uint64_t bytes) {
  Answer answer = call(PL_ENCLAVE_EXTENT_GET, bytes);
  if (answer.error) return std::unexpected(Status(answer.error));
  return PhysicalAddress(answer.value);
}
Result<void> extent_put(PhysicalAddress base) { return success_of(call(PL_ENCLAVE_EXTENT_PUT, base.value)); }
Result<void> freeze(PhysicalAddress entry, uint64_t cookie, uint64_t fork_bytes) {
  return success_of(call(PL_ENCLAVE_FREEZE, entry.value, cookie, fork_bytes));
}
Result<void> context_start(unsigned context, PhysicalAddress entry, uint64_t opaque) {
  return success_of(call(PL_ENCLAVE_CONTEXT_START, context, entry.value, opaque));
}
Result<void> context_kick(uint64_t mask) { return success_of(call(PL_ENCLAVE_CONTEXT_KICK, mask)); }
Result<void> remote_fence(uint64_t mask) { return success_of(call(PL_ENCLAVE_REMOTE_FENCE, mask)); }
void set_timer(uint64_t deadline) { call(0, deadline, 0, 0, TimeExtension); }

}  // namespace monitor

void set_timer(uint64_t deadline) {
  // stimecmp by number: the assembler need not know Sstc.
  if (boot_parameters().isa & PL_ISA_SSTC)
    asm volatile("csrw 0x14d, %0" ::"r"(deadline));
  else
    monitor::set_timer(deadline);
}

uint64_t pending_interrupts() {
  uint64_t pending;
  asm volatile("csrr %0, sip" : "=r"(pending));
  return pending;
}

void clear_software_interrupt() { asm volatile("csrc sip, %0" ::"r"(InterruptSoftware)); }

}  // namespace pl
