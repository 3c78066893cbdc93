// SPDX-License-Identifier: BSD-2-Clause
#include "host.h"

#include "csr_list.h"

extern "C" {
volatile u64 host_faults, host_cause, host_expects_fault, host_interrupts;
}
bool has_sstc, has_hypervisor;
u64 hart_count, ram_end, first_hart;

namespace {

constexpr u64 kDebugConsole = 0x4442434e, kHartState = 0x48534d, kReset = 0x53525354, kTime = 0x54494d45;

u64 checks, failures;
Page windows[1200];
u64 next_window;

void (*volatile second_job)();
alignas(16) u8 second_stack[32768];

u32 be32(const u8* p) { return static_cast<u32>(p[0]) << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

bool same(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

// The few facts wanted of the device tree (devicetree spec 0.4, chapter 5): /memory's end, the harts, and H.
void read_device_tree(const u8* tree) {
  const u8* at = tree + be32(tree + 8);
  const char* strings = reinterpret_cast<const char*>(tree + be32(tree + 12));
  bool in_memory = false;
  for (;;) {
    const u32 token = be32(at);
    at += 4;
    if (token == 1) {
      const char* name = reinterpret_cast<const char*>(at);
      u64 length = 0;
      while (name[length]) ++length;
      in_memory = length > 7 && name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[6] == '@';
      at += (length + 4) & ~u64{3};
    } else if (token == 3) {
      const u32 length = be32(at);
      const char* name = strings + be32(at + 4);
      at += 8;
      if (in_memory && same(name, "reg")) {
        ram_end = (static_cast<u64>(be32(at)) << 32 | be32(at + 4)) + (static_cast<u64>(be32(at + 8)) << 32 | be32(at + 12));
      }
      if (same(name, "riscv,isa")) {
        ++hart_count;
        for (u32 i = 4; i < length && at[i] != '_'; ++i) has_hypervisor |= at[i] == 'h';
      }
      at += (length + 3) & ~3u;
    } else if (token == 9) {
      return;
    }
  }
}

}  // namespace

Answer sbi(u64 extension, u64 function, u64 x0, u64 x1, u64 x2, u64 x3, u64 x4, u64 x5) {
  register u64 a0 __asm__("a0") = x0;
  register u64 a1 __asm__("a1") = x1;
  register u64 a2 __asm__("a2") = x2;
  register u64 a3 __asm__("a3") = x3;
  register u64 a4 __asm__("a4") = x4;
  register u64 a5 __asm__("a5") = x5;
  register u64 a6 __asm__("a6") = function;
  register u64 a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7) : "memory");
  return {static_cast<long>(a0), a1};
}

void print(const char* text) {
  for (; *text; ++text) sbi(kDebugConsole, 2, static_cast<u8>(*text));
}

void print_hex(u64 value) {
  print("0x");
  for (int shift = 60; shift >= 0; shift -= 4) {
    const char digit[2] = {"0123456789abcdef"[value >> shift & 15], 0};
    print(digit);
  }
}

void print_number(u64 value) {
  char digits[21] = {};
  int at = 20;
  do digits[--at] = static_cast<char>('0' + value % 10);
  while (value /= 10);
  print(digits + at);
}

void check(bool holds, const char* name) {
  ++checks;
  failures += !holds;
  print(holds ? "ok " : "not ok ");
  print_number(checks);
  print(" - ");
  print(name);
  print("\n");
}

void check_equal(u64 got, u64 expected, const char* name) {
  if (got != expected) {
    print("# got ");
    print_hex(got);
    print(", expected ");
    print_hex(expected);
    print("\n");
  }
  check(got == expected, name);
}

void set_host_timer(u64 deadline) {
  // All ones would fire at once on QEMU 7.2.
  if (deadline > u64{1} << 56) deadline = u64{1} << 56;
  if (has_sstc) {
    CSR_WRITE(0x14d, deadline);
  } else {
    sbi(kTime, 0, deadline);
  }
  __asm__ volatile("csrs sie, %0" ::"r"(u64{32}));
}

Page* window_page() {
  if (next_window == sizeof(windows) / sizeof(windows[0])) next_window = 0;
  Page* page = &windows[next_window++];
  for (u64 i = 0; i < sizeof(Page); i += 8) *reinterpret_cast<u64*>(page->bytes + i) = 0;
  return page;
}

void Agent::run(u64 context, u64 flags) {
  const Answer answer = monitor_call(PL_HOST_RUN, id, context, flags);
  error = answer.error;
  word = answer.value;
}

void Agent::set(u64 operation, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5, u64 context) {
  volatile Command& c = command(context);
  const u64 arguments[6] = {a0, a1, a2, a3, a4, a5};
  c.operation = operation;
  for (int i = 0; i < 6; ++i) c.a[i] = arguments[i];
}

u64 Agent::call(u64 operation, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
  set(operation, a0, a1, a2, a3, a4, a5);
  interrupts = 0;
  for (;;) {
    run();
    if (error != PL_OK || reason() != PL_LEFT_INTERRUPT) break;
    ++interrupts;
    // Lets the interrupt happen.
    __asm__ volatile("csrsi sstatus, 2\nnop\ncsrci sstatus, 2" ::: "memory");
  }
  return command().result[0];
}

bool destroy(u64 id) {
  for (int i = 0; i < 1000000; ++i) {
    const long error = monitor_call(PL_HOST_DESTROY, id).error;
    if (error != PL_ERR_AGAIN) return error == PL_OK;
  }
  return false;
}

void Agent::destroy() {
  ::destroy(id);
  id = 0;
}

Agent make_agent(u64 flags, u64 contexts, u64 reserve, u64 limit) {
  static Page parameters, digest;
  Agent agent;
  agent.window = window_page();
  *reinterpret_cast<struct pl_create*>(&parameters) = {reserve, limit, static_cast<u32>(contexts), static_cast<u32>(flags)};
  const Answer made = monitor_call(PL_HOST_CREATE, reinterpret_cast<u64>(&parameters));
  if (made.error != PL_OK) {
    agent.error = made.error;
    return agent;
  }
  agent.id = made.value;
  for (u8* page = agent_start; page < agent_end; page += 4096) {
    if (monitor_call(PL_HOST_ADD_PAGE, agent.id, reinterpret_cast<u64>(page)).error != PL_OK) print("# add_page failed\n");
  }
  if (monitor_call(PL_HOST_SET_WINDOW, agent.id, PL_WINDOW_OCALL, reinterpret_cast<u64>(agent.window), 4096).error != PL_OK ||
      monitor_call(PL_HOST_SEAL, agent.id, reinterpret_cast<u64>(&digest)).error != PL_OK) {
    print("# agent not made\n");
  }
  agent.call(kNothing);
  return agent;
}

void freeze(Agent& agent, u64 cookie) {
  // Page 0 holds the entry; the region's base is what the boot block, which the stack shares a page with, says.
  agent.call(kEcall, PL_SBI_EXTENSION, PL_ENCLAVE_FREEZE, agent.call(kCsr, kSscratch) - 1024 - (agent_end - agent_start), cookie, kForkSize);
}

Agent fork(const Agent& parent, u64 limit) {
  static struct alignas(4096) { struct pl_fork wish; u8 rest[4096 - sizeof(struct pl_fork)]; } page;
  Agent agent;
  agent.window = window_page();
  page.wish = {};
  page.wish.window[PL_WINDOW_OCALL] = {reinterpret_cast<u64>(agent.window), 4096};
  page.wish.memory_limit = limit;
  const Answer answer = monitor_call(PL_HOST_FORK, parent.id, reinterpret_cast<u64>(&page.wish));
  agent.error = answer.error;
  agent.word = answer.value;
  agent.id = page.wish.id;
  while (agent.error == PL_OK && agent.reason() == PL_LEFT_INTERRUPT) {
    __asm__ volatile("csrsi sstatus, 2\nnop\ncsrci sstatus, 2" ::: "memory");
    agent.run();
  }
  return agent;
}

void on_second_hart(void (*function)()) { __atomic_store_n(&second_job, function, __ATOMIC_RELEASE); }
bool second_hart_busy() { return __atomic_load_n(&second_job, __ATOMIC_ACQUIRE) != nullptr; }
void wait_for_second_hart() {
  while (second_hart_busy()) {
  }
}

extern "C" {

// The compiler calls these for large initializers, whatever it is told.
void* memset(void* to, int value, size_t size) {
  volatile u8* p = static_cast<volatile u8*>(to);
  while (size-- != 0) *p++ = static_cast<u8>(value);
  return to;
}
void* memcpy(void* to, const void* from, size_t size) {
  volatile u8* p = static_cast<volatile u8*>(to);
  for (size_t i = 0; i < size; ++i) p[i] = static_cast<const u8*>(from)[i];
  return to;
}

void second_main() {
  for (;;) {
    void (*job)() = __atomic_load_n(&second_job, __ATOMIC_ACQUIRE);
    if (job == nullptr) continue;
    job();
    __atomic_store_n(&second_job, static_cast<void (*)()>(nullptr), __ATOMIC_RELEASE);
  }
}

void unexpected_trap(u64 cause, u64 pc, u64 value) {
  print("not ok - the host trapped: cause ");
  print_hex(cause);
  print(" at ");
  print_hex(pc);
  print(" value ");
  print_hex(value);
  print("\n# failed\n");
  sbi(kReset, 0, 0, 1);
}

void test_main(u64 hart, const u8* tree) {
  first_hart = hart;
  read_device_tree(tree);
  host_expects_fault = 1;
  const u64 before = host_faults;
  CSR_READ(0x14d);
  has_sstc = host_faults == before;
  host_expects_fault = 0;
  print("# harts ");
  print_number(hart_count);
  print(has_sstc ? ", Sstc" : ", no Sstc");
  print(has_hypervisor ? ", H\n" : ", no H\n");
  if (hart_count > 1) {
    const u64 other = hart == 0 ? 1 : 0;
    sbi(kHartState, 0, other, reinterpret_cast<u64>(second_start), reinterpret_cast<u64>(second_stack + sizeof(second_stack)));
  }
  test_life();
  test_states();
  test_isolation();
  test_switch();
  test_interrupts();
  test_forks();
  test_memory();
  test_contexts();
  test_fuzz();
  report_costs();
  print("1..");
  print_number(checks);
  print(failures == 0 ? "\n# passed\n" : "\n# failed\n");
  sbi(kReset, 0, 0, failures == 0 ? 0 : 1);
  for (;;) {
  }
}
}
