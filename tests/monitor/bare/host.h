// SPDX-License-Identifier: BSD-2-Clause
// What the bare host's tests share: SBI calls, a console, and a way to drive the agent.
#pragma once

#include "agent.h"

extern "C" {
extern volatile u64 host_faults, host_cause, host_expects_fault, host_interrupts;
extern u8 agent_start[], agent_end[];
void second_start();
}

struct Answer {
  long error;
  u64 value;
};

Answer sbi(u64 extension, u64 function, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0);
inline Answer monitor_call(u64 function, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0) {
  return sbi(PL_SBI_EXTENSION, function, a0, a1, a2, a3);
}
inline u64 query(u64 item) { return monitor_call(PL_HOST_QUERY, item).value; }

void print(const char* text);
void print_hex(u64 value);
void print_number(u64 value);

// One line of the report. The name is a sentence that is true of the monitor.
void check(bool holds, const char* name);
void check_equal(u64 got, u64 expected, const char* name);

inline u64 ticks() {
  u64 t;
  __asm__ volatile("rdtime %0" : "=r"(t));
  return t;
}
inline u64 instructions() {
  u64 n;
  __asm__ volatile("rdinstret %0" : "=r"(n)::"memory");
  return n;
}
void set_host_timer(u64 deadline);  // and lets it interrupt (sie.STIE); SIE stays off

struct alignas(4096) Page {
  u8 bytes[4096];
};

// A cold enclave that runs the agent, or a fork of one.
struct Agent {
  u64 id = 0;
  Page* window = nullptr;
  u64 word = 0;  // of the last run
  long error = 0;
  u64 interrupts = 0;  // how often the last call was interrupted

  volatile Command& command(u64 number = 0) { return *reinterpret_cast<volatile Command*>(window->bytes + 512 * number); }
  // Sets its next command.
  void set(u64 operation, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0, u64 context = 0);
  // Runs until it rings, going on after interrupts; the command's result.
  u64 call(u64 operation, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0);
  u64 ecall(u64 function, u64 a0 = 0, u64 a1 = 0, u64 a2 = 0) { return call(kEcall, PL_SBI_EXTENSION, function, a0, a1, a2); }
  // One run.
  void run(u64 context = 0, u64 flags = 0);
  u64 reason() const { return PL_LEFT_REASON(word); }
  u64 detail() const { return PL_LEFT_DETAIL(word); }
  void destroy();
};

// What the forks of agents begin with: not a power of two.
inline constexpr u64 kForkSize = 52 << 10;
Page* window_page();  // a fresh, zeroed page of host memory
Agent make_agent(u64 flags = 0, u64 contexts = 1, u64 reserve = 1 << 20, u64 limit = 0);
// Freezes it; it rang once before.
void freeze(Agent& agent, u64 cookie = 0);
Agent fork(const Agent& parent, u64 limit = 0);
bool destroy(u64 id);

extern bool has_sstc, has_hypervisor;
extern u64 hart_count, ram_end, first_hart;

// Another hart does one thing for us.
void on_second_hart(void (*function)());
void wait_for_second_hart();
bool second_hart_busy();

void test_life();
void test_states();
void test_isolation();
void test_switch();
void test_interrupts();
void test_forks();
void test_memory();
void test_contexts();
void test_fuzz();
void report_costs();
