// SPDX-License-Identifier: BSD-2-Clause
// What a switch must carry, keep apart, and fix.
#include "csr_list.h"
#include "host.h"

extern "C" {
void host_float_fill(u64 pattern, u64 fcsr);
u64 host_float_lost(u64 pattern, u64* fcsr);
}

namespace {

struct Item {
  CsrIndex index;
  u64 hostile;  // what the host leaves there
  bool hypervisor, sstc;
};

// Values that would change what an enclave does, or tell it something, if they reached it.
constexpr Item kItems[] = {
    {kSstatus, 1 << 18 | 1 << 19 | 1 << 5 | 1 << 8, false, false},
    {kSscratch, 0x1234567812345678, false, false},
    {kSepc, 0x80777776, false, false},
    {kScause, 13, false, false},
    {kStval, 0x77777777, false, false},
    {kScounteren, 0, false, false},
    {kStimecmp, 0x7000000000000000, false, true},
    {kHstatus, 1 << 7 | 1 << 8 | 1 << 6 | 1 << 20 | 1 << 21 | 1 << 22, true, false},
    {kHedeleg, 0xb1ff, true, false},
    {kHideleg, 0x444, true, false},
    {kHie, 0x444, true, false},
    {kHvip, 0x444, true, false},
    {kHtval, 0x1234, true, false},
    {kHgatp, u64{8} << 60 | 0x80300, true, false},
    {kHcounteren, 7, true, false},
    {kHtimedelta, 0x1000, true, false},
    {kVsstatus, 1 << 18 | 1 << 8, true, false},
    {kVstvec, 0x80200000, true, false},
    {kVsscratch, 0x55, true, false},
    {kVsepc, 0x80200000, true, false},
    {kVscause, 2, true, false},
    {kVstval, 3, true, false},
    {kVsatp, u64{8} << 60 | 0x80300, true, false},
    {kVstimecmp, 0x6000000000000000, true, true},
};

u64 host_csr(CsrIndex index) {
  switch (index) {
#define READ(name, number) \
  case name:               \
    return CSR_READ(number);
    CSR_LIST(READ)
    default:
      return 0;
  }
}

void host_csr_write(CsrIndex index, u64 value) {
  switch (index) {
#define WRITE(name, number)   \
  case name:                  \
    CSR_WRITE(number, value); \
    break;
    CSR_LIST(WRITE)
    default:
      break;
  }
}

bool applies(const Item& item) { return (!item.hypervisor || has_hypervisor) && (!item.sstc || has_sstc); }

void name_csr(const Item& item, u64 got) {
  print("# csr ");
  print_number(item.index);
  print(" holds ");
  print_hex(got);
  print("\n");
}

}  // namespace

void test_switch() {
  Agent agent = make_agent();
  u64 clean[kCsrCount] = {};
  for (const Item& item : kItems) {
    if (applies(item)) clean[item.index] = agent.call(kCsr, item.index);
  }
  // One at a time, so that one that breaks the host shows which it was.
  bool hidden = true, restored = true;
  for (const Item& item : kItems) {
    if (!applies(item)) continue;
    const u64 before = host_csr(item.index);
    host_csr_write(item.index, item.hostile);
    const u64 set = host_csr(item.index);
    agent.set(kCsr, item.index);
    do agent.run();
    while (agent.error == PL_OK && agent.reason() == PL_LEFT_INTERRUPT);
    const u64 inside = agent.command().result[0], after = host_csr(item.index);
    host_csr_write(item.index, before);
    // What the agent's own life changes between two looks: its trap handler's scratch does not, sstatus does not.
    if (inside != clean[item.index]) hidden = false, name_csr(item, inside);
    if (after != set) restored = false, name_csr(item, after);
  }
  check(hidden, "no value that a host leaves in a CSR shows inside");
  check(restored, "the host finds its own values again");

  // The other way: what the enclave writes. satp stays bare, stvec and sscratch are in use.
  bool apart = true, kept = true;
  for (const Item& item : kItems) {
    if (!applies(item) || item.index == kSscratch || item.index == kSstatus) continue;
    const u64 before = host_csr(item.index);
    agent.call(kCsrWrite, item.index, item.hostile);
    if (host_csr(item.index) != before) apart = false, name_csr(item, host_csr(item.index));
    const u64 again = agent.call(kCsr, item.index);
    const bool supervisor = item.index == kSepc || item.index == kScause || item.index == kStval || item.index == kStimecmp;
    // stval and the like are kept; what is fixed is fixed again.
    if (supervisor ? again != item.hostile : again != clean[item.index]) kept = false, name_csr(item, again);
  }
  check(apart, "no value that an enclave writes to a CSR reaches the host");
  check(kept, "its own supervisor CSRs are kept for it, and those with a fixed value have it again");
  agent.destroy();

  if (has_hypervisor) {
    // hstatus.SPV left by the host: the enclave's first sret must stay in HS-mode. The agent's user call returns by sret.
    agent = make_agent();
    host_csr_write(kHstatus, 1 << 7);
    host_csr_write(kVsatp, u64{8} << 60 | 0x80300);
    const u64 cause = agent.call(kUserCall);
    host_csr_write(kHstatus, 0);
    host_csr_write(kVsatp, 0);
    check(agent.reason() == PL_LEFT_DOORBELL && cause == 8, "a host that leaves hstatus.SPV set does not get the program run under its own vsatp");
    agent.destroy();
    agent = make_agent();
    agent.set(kVirtual);
    // The timer may be due before the enclave is entered.
    for (int i = 0; i < 100 && agent.reason() != PL_LEFT_FAULT; ++i) {
      set_host_timer(ticks() + 100000);
      agent.run();
      __asm__ volatile("csrsi sstatus, 2\nnop\nnop\ncsrci sstatus, 2" ::: "memory");
    }
    set_host_timer(~u64{0});
    check(agent.reason() == PL_LEFT_FAULT, "an enclave that goes into VS-mode is ended when it is next seen");
    agent.destroy();
  }

  agent = make_agent();
  const u64 fs = u64{3} << 13;
  __asm__ volatile("csrs sstatus, %0" ::"r"(fs));
  agent.call(kFloatSum);
  agent.destroy();
  agent = make_agent();
  host_float_fill(0x4142434445464748, 0xe0 | 0x1f);
  // Linux comes with FS off and live registers.
  __asm__ volatile("csrc sstatus, %0" ::"r"(fs));
  const u64 seen = agent.call(kFloatSum);
  check(seen == 0 && agent.command().result[1] == 0, "no floating-point register of the host shows inside, and the rounding mode is fresh");
  agent.call(kFloatFill, 0x9999999999999999, 0x41);
  u64 fcsr = 0;
  __asm__ volatile("csrs sstatus, %0" ::"r"(fs));
  check(host_float_lost(0x4142434445464748, &fcsr) == 0 && fcsr == 0xff, "the host finds its floating-point registers again, whatever sstatus.FS says");
  Agent other = make_agent();
  check_equal(other.call(kFloatSum), 0, "no floating-point register of an enclave shows in another");
  other.destroy();
  check(agent.call(kFloatSum) == 0x9999999999999999 && agent.command().result[1] == 0x41, "an enclave finds its own again");

  set_host_timer(ticks() + 20000);
  check_equal(agent.call(kRegisters, 60000000), 0, "every general register of an enclave survives an interruption");
  check(agent.interrupts >= 1, "(it was interrupted)");
  set_host_timer(~u64{0});
  check_equal(agent.call(kUserCounters), 8, "time, cycle and instret can be read in U-mode");
  agent.destroy();
  __asm__ volatile("csrc sstatus, %0" ::"r"(fs));
}
