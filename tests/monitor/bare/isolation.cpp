// SPDX-License-Identifier: BSD-2-Clause
// What is out of reach: of the host, and of an enclave.
#include "host.h"

namespace {

Page buffer;

// Whether the host can read, write, execute there.
bool host_reads(u64 address) {
  const u64 before = host_faults;
  u64 value;
  __asm__ volatile(".option push\n.option norvc\nld %0, 0(%1)\n.option pop" : "=r"(value) : "r"(address) : "memory");
  return host_faults == before;
}
bool host_writes(u64 address) {
  const u64 before = host_faults;
  __asm__ volatile(".option push\n.option norvc\nsd %0, 0(%1)\n.option pop" ::"r"(u64{0xdead}), "r"(address) : "memory");
  return host_faults == before;
}
bool host_executes(u64 address) {
  const u64 before = host_faults;
  __asm__ volatile("jalr ra, 0(%0)" ::"r"(address) : "ra", "memory");
  return host_faults == before;
}

bool ends_with_access_fault(u64 operation, u64 address) {
  Agent agent = make_agent();
  agent.call(operation, address, 1);
  const bool ended = agent.reason() == PL_LEFT_FAULT && agent.detail() == PL_FAULT_ACCESS;
  if (!ended) {
    print("# reached ");
    print_hex(address);
    print("\n");
  }
  agent.destroy();
  return ended;
}

}  // namespace

void test_isolation() {
  const u64 pool = query(PL_QUERY_POOL_BASE), size = query(PL_QUERY_POOL_SIZE);
  host_expects_fault = 1;
  bool closed = true;
  for (u64 address = pool; address < pool + size; address += 64 << 10) closed &= !host_reads(address) && !host_writes(address);
  closed &= !host_reads(pool + size - 8) && !host_writes(pool + size - 8) && !host_executes(pool) && !host_executes(pool + size - 4);
  check(closed, "the host cannot read, write or execute the pool");
  closed = true;
  for (u64 address = 0x80000000; address < 0x80050000; address += 4096) closed &= !host_reads(address) && !host_writes(address);
  check(closed && !host_executes(0x80000000), "nor the monitor's text, data, stacks and heap");
  host_expects_fault = 0;
  check(pool + size == ram_end || (host_reads(pool + size) && host_writes(pool + size)), "what lies behind the pool is the host's");

  Agent victim = make_agent();
  const u64 secret = victim.call(kCsr, kSscratch) - 1024;
  host_expects_fault = 1;
  const bool host_stopped = !host_reads(secret) && !host_writes(secret);
  host_expects_fault = 0;
  check(host_stopped, "the pool stays closed while an enclave lives and after it ran");

  // Device registers, the firmware, the host, the other enclave, the pool's records; read, write and execute.
  const u64 targets[] = {0x10000000, 0x2000000, 0x2004000, 0xc000000, 0x100000, 0x80000000, 0x80040000, 0x80200000,
                         reinterpret_cast<u64>(&buffer), secret, pool, pool + (1 << 16), pool + size - 8, 0, 0x1000, ram_end, u64{1} << 55};
  *reinterpret_cast<volatile u32*>(&buffer) = 0x8067;  // ret: an execution that is let through comes back
  bool read = true, written = true, executed = true;
  for (const u64 target : targets) {
    read &= ends_with_access_fault(kRead, target);
    written &= ends_with_access_fault(kWrite, target);
    executed &= ends_with_access_fault(kExecute, target);
  }
  check(read, "an enclave that reads what is not its own is ended");
  check(written, "an enclave that writes what is not its own is ended");
  check(executed, "an enclave that jumps to what is not its own is ended");

  Agent neighbour = make_agent();
  const u64 own = neighbour.call(kCsr, kSscratch) - 1024;
  neighbour.call(kRead, own + 4096);
  check(neighbour.reason() == PL_LEFT_FAULT, "its reservation is out of reach until it is granted");
  neighbour.destroy();

  // The whole machine, by a step of 64 MiB, and around its own region by pages.
  bool all = true;
  for (u64 address = 0; address < ram_end + (u64{1} << 30); address += 64 << 20) {
    if (address / 4096 != own / 4096) all &= ends_with_access_fault(kRead, address);
  }
  check(all, "an enclave that tries every 64 MiB of the machine reaches nothing");
  check_equal(victim.call(kRead, secret + 8), victim.id, "the victim saw none of it");

  // Windows.
  victim.window->bytes[4000] = 42;
  check_equal(victim.call(kRead, reinterpret_cast<u64>(victim.window) + 4000), 42, "an enclave reads its window");
  victim.call(kWrite, reinterpret_cast<u64>(victim.window) + 4008, 0x77);
  check_equal(*reinterpret_cast<volatile u64*>(victim.window->bytes + 4008), 0x77, "and writes it");
  Page* shared = window_page();
  check_equal(monitor_call(PL_HOST_SET_WINDOW, victim.id, PL_WINDOW_SHARED, reinterpret_cast<u64>(shared), 4096).error, PL_OK, "a sealed enclave can get another window");
  victim.call(kWrite, reinterpret_cast<u64>(shared), 5);
  check_equal(*reinterpret_cast<volatile u64*>(shared), 5, "which it reaches at once");
  monitor_call(PL_HOST_SET_WINDOW, victim.id, PL_WINDOW_SHARED, 0, 0);
  victim.call(kRead, reinterpret_cast<u64>(shared));
  check(victim.reason() == PL_LEFT_FAULT, "and no longer once it is taken away");
  victim.destroy();
  Agent runner = make_agent();
  *reinterpret_cast<volatile u32*>(runner.window->bytes + 4000) = 0x8067;  // ret
  runner.call(kExecute, reinterpret_cast<u64>(runner.window) + 4000);
  check(runner.reason() == PL_LEFT_FAULT, "a window cannot be executed");
  runner.destroy();

  // Firmware services with buffers in, across and before the pool.
  bool refused = true;
  const u64 console = 0x4442434e;
  for (const u64 address : {pool, pool + 4096, pool - 8, pool + size - 16}) {
    for (const u64 function : {u64{0}, u64{1}}) {
      const Answer answer = sbi(console, function, 64, address, 0);
      if (answer.error == PL_OK) print("# taken: "), print_hex(address), print("\n");
      refused &= answer.error != PL_OK;
    }
  }
  check(refused, "the debug console takes no buffer in or across the pool");
  const u64 absent[] = {0x44425452, 0x535345, 0x4d505859, 0x46574654, 0x43505043, 0x53555350, 0x504d55, 0, 1, 5};
  bool none = true;
  for (const u64 extension : absent) none &= sbi(0x10, 3, extension).value == 0 && sbi(extension, 0, pool, pool, pool).error == PL_ERR_NOT_SUPPORTED;
  check(none, "debug triggers, SSE, MPXY, FWFT, CPPC, suspend, PMU and the legacy calls are not there");
}
