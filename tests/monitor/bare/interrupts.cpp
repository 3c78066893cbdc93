// SPDX-License-Identifier: BSD-2-Clause
// Timers, software interrupts, exceptions: which world takes them.
#include "csr_list.h"
#include "host.h"

namespace {

constexpr u64 kTimerCause = u64{1} << 63 | 5, kSoftwareCause = u64{1} << 63 | 1;
constexpr u64 kInterProcessor = 0x735049;
constexpr u64 kMillisecond = 10000;

void ring_first_hart() {
  const u64 start = ticks();
  while (ticks() - start < 5 * kMillisecond) {
  }
  sbi(kInterProcessor, 0, u64{1} << first_hart, 0);
}

}  // namespace

void test_interrupts() {
  Agent agent = make_agent();
  const u64 start = ticks();
  set_host_timer(start + 10 * kMillisecond);
  agent.set(kSpin);
  agent.run();
  const u64 took = ticks() - start;
  check(agent.error == PL_OK && agent.reason() == PL_LEFT_INTERRUPT, "an enclave that spins for ever is taken off by the host's timer");
  check(took >= 10 * kMillisecond && took < 2000 * kMillisecond, "within its tick");
  const u64 counted = agent.command().counter;
  host_interrupts = 0;
  agent.run();
  check(agent.reason() == PL_LEFT_INTERRUPT && agent.command().counter == counted, "it does not go on before the host has taken its interrupt");
  __asm__ volatile("csrsi sstatus, 2\nnop\nnop\ncsrci sstatus, 2" ::: "memory");
  check_equal(host_interrupts, 32, "the host gets its timer interrupt");
  // On a busy machine a tick may be over before the enclave is entered.
  for (int i = 0; i < 100 && agent.command().counter == counted; ++i) {
    set_host_timer(ticks() + 5 * kMillisecond);
    agent.run();
    __asm__ volatile("csrsi sstatus, 2\nnop\nnop\ncsrci sstatus, 2" ::: "memory");
  }
  check(agent.reason() == PL_LEFT_INTERRUPT && agent.command().counter > counted, "then it goes on where it was");
  set_host_timer(~u64{0});
  agent.destroy();

  // The enclave's own timer.
  agent = make_agent();
  u64 cause = 0;
  for (int round = 0; round < 3; ++round) {
    const u64 deadline = ticks() + 3 * kMillisecond;
    if (has_sstc && round != 1) {
      agent.call(kCsrWrite, kStimecmp, deadline);
    } else {
      agent.call(kEcall, 0x54494d45, 0, deadline);
    }
    if (round == 2) set_host_timer(deadline - 2 * kMillisecond);  // the earlier of the two is the host's
    cause = agent.call(kAwait, 32);
    check(cause == kTimerCause && ticks() >= deadline, "an enclave's timer interrupts the enclave");
    if (round == 2) check(agent.interrupts >= 1, "and the host's, when it is earlier, the enclave's hart");
    agent.call(kEcall, 0x54494d45, 0, ~u64{0});
  }
  set_host_timer(~u64{0});
  host_interrupts = 0;
  agent.call(kEcall, 0x54494d45, 0, ticks() + kMillisecond);
  const u64 wait = ticks();
  while (ticks() - wait < 3 * kMillisecond) {
  }
  __asm__ volatile("csrsi sstatus, 2\nnop\nnop\ncsrci sstatus, 2" ::: "memory");
  check_equal(host_interrupts, 0, "an enclave's timer does not interrupt the host");
  check_equal(agent.call(kAwait, 32), kTimerCause, "it is delivered when the enclave runs again");
  agent.call(kEcall, 0x54494d45, 0, ~u64{0});

  // PL_RUN_EVENT.
  agent.set(kAwait, 2);
  agent.run(0, PL_RUN_EVENT);
  while (agent.reason() == PL_LEFT_INTERRUPT) agent.run();
  check_equal(agent.command().result[0], kSoftwareCause, "run with an event raises a software interrupt inside");
  check((CSR_READ(0x144) & 2) == 0, "and none in the host");
  agent.set(kNothing);
  agent.run(0, PL_RUN_EVENT);
  while (agent.reason() == PL_LEFT_INTERRUPT) agent.run();
  check((CSR_READ(0x144) & 2) == 0, "not even if the enclave left before it took its own");
  check_equal(agent.call(kAwait, 2), kSoftwareCause, "which is kept for it");
  // A host software interrupt pending at the entry.
  CSR_WRITE(0x104, CSR_READ(0x104) | 2);
  __asm__ volatile("csrs sip, %0" ::"r"(u64{2}));
  agent.set(kNothing);
  agent.run();
  check_equal(agent.reason(), PL_LEFT_INTERRUPT, "a host with an interrupt pending is asked to take it first");
  __asm__ volatile("csrc sip, %0" ::"r"(u64{2}));
  agent.run();
  check_equal(agent.reason(), PL_LEFT_DOORBELL, "and then enters");

  // Exceptions of the enclave are the enclave's.
  agent.call(kIllegal);
  check(agent.reason() == PL_LEFT_DOORBELL && agent.command().cause == 2, "an illegal instruction is the libOS's to handle");
  check_equal(agent.call(kUserCall), 8, "so is a call from U-mode");
  const u64 traps = agent.command().traps;
  agent.call(kRead, (agent.call(kCsr, kSscratch) & ~u64{4095}) + 1);
  check(agent.reason() == PL_LEFT_DOORBELL, "a misaligned load ends nothing");
  static_cast<void>(traps);
  host_expects_fault = 1;
  const u64 faults = host_faults;
  __asm__ volatile(".word 0xffffffff");
  check(host_faults == faults + 1 && host_cause == 2, "the host's own exceptions are the host's again");
  host_expects_fault = 0;
  agent.destroy();

  if (hart_count > 1) {
    agent = make_agent();
    host_interrupts = 0;
    CSR_WRITE(0x104, CSR_READ(0x104) | 2);
    on_second_hart(ring_first_hart);
    agent.set(kSpin);
    agent.run();
    check_equal(agent.reason(), PL_LEFT_INTERRUPT, "another hart's software interrupt for the host takes a spinning enclave off");
    __asm__ volatile("csrsi sstatus, 2\nnop\nnop\ncsrci sstatus, 2" ::: "memory");
    check_equal(host_interrupts & 2, 2, "and reaches the host");
    __asm__ volatile("csrc sip, %0" ::"r"(u64{2}));
    wait_for_second_hart();
    agent.destroy();
  }
}
