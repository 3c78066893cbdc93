// SPDX-License-Identifier: BSD-2-Clause
// What the fast paths cost, in instructions of this hart (M-mode's are counted too). Meaningful in instruction-count mode.
#include "host.h"

namespace {

void report(const char* name, u64 value) {
  print("# cost ");
  print(name);
  print(": ");
  print_number(value);
  print("\n");
}

}  // namespace

void report_costs() {
  constexpr u64 kRounds = 50;
  query(PL_QUERY_VERSION);
  u64 start = instructions();
  for (u64 i = 0; i < kRounds; ++i) query(PL_QUERY_VERSION);
  report("host call", (instructions() - start) / kRounds);

  Agent agent = make_agent(PL_CREATE_FREEZABLE);
  agent.set(kNothing);
  agent.run();
  start = instructions();
  for (u64 i = 0; i < kRounds; ++i) agent.run();
  report("run, doorbell, with the agent's loop", (instructions() - start) / kRounds);
  agent.call(kEcall, PL_SBI_EXTENSION, PL_ENCLAVE_REMOTE_FENCE, 0);
  agent.set(kEcall, PL_SBI_EXTENSION, PL_ENCLAVE_REMOTE_FENCE, 0);
  start = instructions();
  for (u64 i = 0; i < kRounds; ++i) agent.run();
  report("the same with one enclave call more", (instructions() - start) / kRounds);
  freeze(agent);

  static struct alignas(4096) { struct pl_fork wish; } page;
  Page* window = window_page();
  volatile Command& command = *reinterpret_cast<volatile Command*>(window);
  u64 until_first = 0, whole = 0, end = 0;
  for (u64 i = 0; i < kRounds; ++i) {
    page.wish = {};
    page.wish.window[0] = {reinterpret_cast<u64>(window), 4096};
    command.operation = kNothing;
    const u64 before = instructions();
    monitor_call(PL_HOST_FORK, agent.id, reinterpret_cast<u64>(&page.wish));
    const u64 after = instructions();
    until_first += command.first_instruction - before;
    whole += after - before;
    destroy(page.wish.id);
    end += instructions() - after;
  }
  report("fork until its first instruction", until_first / kRounds);
  report("fork until it rings", whole / kRounds);
  report("destroy of a fork with 64 KiB", end / kRounds);

  static Page parameters;
  *reinterpret_cast<struct pl_create*>(&parameters) = {1 << 20, 0, 1, 0};
  const u64 id = monitor_call(PL_HOST_CREATE, reinterpret_cast<u64>(&parameters)).value;
  start = instructions();
  for (u64 i = 0; i < 16; ++i) monitor_call(PL_HOST_ADD_PAGE, id, reinterpret_cast<u64>(agent_start));
  report("add_page", (instructions() - start) / 16);
  destroy(id);
  agent.destroy();
}
