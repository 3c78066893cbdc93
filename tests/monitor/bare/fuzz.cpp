// SPDX-License-Identifier: BSD-2-Clause
// Any function with any arguments: no trap in M-mode, no hang, no lost hart.
#include "host.h"

namespace {

u64 seed = 88172645463325252;
u64 random() {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

Page page;
u64 ids[4];

u64 argument() {
  switch (random() % 12) {
    case 0:
      return random();
    case 1:
      return ids[random() % 4];
    case 2:
      return ids[random() % 4] + (random() % 5 - 2) * 65536;
    case 3:
      return reinterpret_cast<u64>(&page);
    case 4:
      return reinterpret_cast<u64>(&page) + random() % 4096;
    case 5:
      return query(PL_QUERY_POOL_BASE) + random() % query(PL_QUERY_POOL_SIZE);
    case 6:
      return u64{1} << (random() % 64);
    case 7:
      return ~u64{0} - random() % 8192;
    case 8:
      return random() % 16;
    case 9:
      return ram_end - random() % 8192;
    case 10:
      return 0x80000000 + random() % 0x60000;
    default:
      return reinterpret_cast<u64>(agent_start);
  }
}

// A window must not be in the middle of this program's own data: the agent writes there.
bool harmless(u64 function, const u64 a[4]) {
  if (function == PL_HOST_SEAL || function == PL_HOST_INSPECT || function == PL_HOST_FORK || function == PL_HOST_SET_WINDOW) {
    for (int i = 1; i < 4; ++i) {
      const u64 start = reinterpret_cast<u64>(&page);
      if (a[i] >= 0x80200000 && a[i] < ram_end && (a[i] < start || a[i] > start + 4096 - 256) && a[i] < query(PL_QUERY_POOL_BASE)) return false;
    }
  }
  return true;
}

}  // namespace

void test_fuzz() {
  const u64 free = query(PL_QUERY_POOL_FREE);
  set_host_timer(ticks() + 10000);
  u64 calls = 0, accepted = 0;
  for (int round = 0; round < 40; ++round) {
    Agent sealed = make_agent(), frozen = make_agent(PL_CREATE_FREEZABLE);
    freeze(frozen);
    ids[0] = sealed.id, ids[1] = frozen.id, ids[2] = random(), ids[3] = 0;
    for (int i = 0; i < 1000; ++i) {
      const u64 function = random() % 8 == 0 ? random() >> (random() % 64) : random() % 12;
      if (function == PL_HOST_RESET) continue;
      const u64 a[4] = {argument(), argument(), argument(), argument()};
      if (!harmless(function, a)) continue;
      for (u64 j = 0; j < 256; j += 8) *reinterpret_cast<u64*>(page.bytes + j) = random() % 3 ? argument() : random() % 8;
      // Runs end: the host's timer is on.
      set_host_timer(ticks() + 1000);
      const Answer answer = monitor_call(function, a[0], a[1], a[2], a[3]);
      ++calls;
      accepted += answer.error == PL_OK;
      if (function == PL_HOST_CREATE && answer.error == PL_OK) ids[3] = answer.value;
    }
    while (monitor_call(PL_HOST_RESET).error == PL_ERR_AGAIN) {
    }
  }
  set_host_timer(~u64{0});
  check_equal(query(PL_QUERY_POOL_FREE), free, "any function with any arguments leaves the monitor whole");
  // The enclave's side.
  for (int round = 0; round < 20; ++round) {
    Agent agent = make_agent(PL_CREATE_FREEZABLE, 2);
    ids[0] = agent.id;
    for (int i = 0; i < 300 && agent.error == PL_OK && agent.reason() == PL_LEFT_DOORBELL; ++i) {
      const u64 function = random() % 8 == 0 ? random() : PL_ENCLAVE_EXIT + 2 + random() % 10;
      agent.set(kEcall, random() % 16 ? PL_SBI_EXTENSION : random() % 100, function, random() % 2 ? argument() : random() % 8 * 4096, argument(), argument());
      set_host_timer(ticks() + 100000);
      do agent.run();
      while (agent.error == PL_OK && (agent.reason() == PL_LEFT_INTERRUPT || agent.reason() == PL_LEFT_IDLE || agent.reason() == PL_LEFT_MEMORY) && ticks() != 0 &&
             (set_host_timer(ticks() + 100000), true));
      ++calls;
    }
    agent.destroy();
  }
  set_host_timer(~u64{0});
  check_equal(query(PL_QUERY_POOL_FREE), free, "so does an enclave that makes them");
  print("# calls ");
  print_number(calls);
  print(", accepted ");
  print_number(accepted);
  print("\n");
}
