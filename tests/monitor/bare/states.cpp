// SPDX-License-Identifier: BSD-2-Clause
// Every call of the host in every state of an enclave; malformed arguments.
#include "host.h"

namespace {

Page page, other_page;

struct Expectation {
  u64 function;
  long absent, created, sealed, template_, exited;
};

// Answers by state, with arguments that are otherwise right. FORK, RUN and SEAL change the state and stand for themselves below.
constexpr Expectation kExpectations[] = {
    {PL_HOST_ADD_PAGE, PL_ERR_STALE, PL_OK, PL_ERR_STATE, PL_ERR_STATE, PL_ERR_STATE},
    {PL_HOST_SET_WINDOW, PL_ERR_STALE, PL_OK, PL_OK, PL_ERR_STATE, PL_ERR_STATE},
    {PL_HOST_INSPECT, PL_ERR_STALE, PL_OK, PL_OK, PL_OK, PL_OK},
    {PL_HOST_FORK, PL_ERR_STALE, PL_ERR_STATE, PL_ERR_STATE, PL_OK, PL_ERR_STATE},
    {PL_HOST_RUN, PL_ERR_STALE, PL_ERR_STATE, PL_OK, PL_ERR_STATE, PL_ERR_STATE},
    {PL_HOST_SEAL, PL_ERR_STALE, PL_OK, PL_ERR_STATE, PL_ERR_STATE, PL_ERR_STATE},
};

Answer call(u64 function, u64 id, Page* window) {
  switch (function) {
    case PL_HOST_ADD_PAGE:
      return monitor_call(function, id, reinterpret_cast<u64>(agent_start));
    case PL_HOST_SET_WINDOW:
      return monitor_call(function, id, PL_WINDOW_OCALL, reinterpret_cast<u64>(window), 4096);
    case PL_HOST_FORK: {
      auto* wish = reinterpret_cast<struct pl_fork*>(&page);
      *wish = {};
      wish->window[0] = {reinterpret_cast<u64>(window), 4096};
      const Answer answer = monitor_call(function, id, reinterpret_cast<u64>(&page));
      if (answer.error == PL_OK) destroy(wish->id);
      return answer;
    }
    default:
      return monitor_call(function, id, function == PL_HOST_RUN ? 0 : reinterpret_cast<u64>(&page));
  }
}

void create_raw(u64& id, u64 flags) {
  *reinterpret_cast<struct pl_create*>(&page) = {1 << 20, 0, 1, static_cast<u32>(flags)};
  id = monitor_call(PL_HOST_CREATE, reinterpret_cast<u64>(&page)).value;
}

bool refuses_create(u64 reserve, u64 contexts, u64 flags) {
  *reinterpret_cast<struct pl_create*>(&page) = {reserve, 0, static_cast<u32>(contexts), static_cast<u32>(flags)};
  const Answer answer = monitor_call(PL_HOST_CREATE, reinterpret_cast<u64>(&page));
  if (answer.error == PL_OK) destroy(answer.value);
  return answer.error != PL_OK;
}

}  // namespace

void test_states() {
  const u64 free = query(PL_QUERY_POOL_FREE);
  bool all = true;
  for (const Expectation& expected : kExpectations) {
    u64 created;
    create_raw(created, 0);
    monitor_call(PL_HOST_ADD_PAGE, created, reinterpret_cast<u64>(agent_start));
    Agent sealed = make_agent(), frozen = make_agent(PL_CREATE_FREEZABLE), exited = make_agent();
    freeze(frozen);
    exited.ecall(PL_ENCLAVE_EXIT, 0);
    Page* window = window_page();
    const long got[5] = {call(expected.function, 0x7777770003, window).error, call(expected.function, created, window).error,
                         call(expected.function, sealed.id, sealed.window).error, call(expected.function, frozen.id, window).error,
                         call(expected.function, exited.id, window).error};
    const long wanted[5] = {expected.absent, expected.created, expected.sealed, expected.template_, expected.exited};
    for (int i = 0; i < 5; ++i) {
      if (got[i] == wanted[i]) continue;
      all = false;
      print("# function ");
      print_number(expected.function);
      print(" state ");
      print_number(i);
      print(" answered ");
      print_hex(got[i]);
      print("\n");
    }
    for (const u64 id : {created, sealed.id, frozen.id, exited.id}) all &= destroy(id) && !destroy(id);
  }
  check(all, "each call answers by the enclave's state");
  check_equal(query(PL_QUERY_POOL_FREE), free, "an enclave can be destroyed in any state");

  check(refuses_create(0, 1, 0) && refuses_create(3 << 20, 1, 0) && refuses_create(1 << 19, 1, 0) && refuses_create(u64{1} << 63, 1, 0),
        "a reservation that is not a power of two of at least 1 MiB, or too large, is refused");
  check(refuses_create(1 << 20, 0, 0) && refuses_create(1 << 20, 9, 0) && refuses_create(1 << 20, 1, 4), "so are bad counts of contexts and unknown flags");

  u64 id;
  create_raw(id, 0);
  check_equal(monitor_call(PL_HOST_SEAL, id, reinterpret_cast<u64>(&page)).error, static_cast<u64>(PL_ERR_STATE), "an enclave without pages cannot be sealed");
  // Pointers: the pool, the firmware, a device, past RAM, wrapping, unaligned, across a page.
  const u64 bad[] = {query(PL_QUERY_POOL_BASE), query(PL_QUERY_POOL_BASE) + query(PL_QUERY_POOL_SIZE) - 4096, 0x80000000, 0x80040000, 0x10000000,
                     0x2000000, 0, ram_end, ~u64{0} & ~u64{4095}, ~u64{0} - 7, ram_end - 4096 + 4092, 0x1000};
  bool refused = true;
  for (const u64 address : bad) {
    refused &= monitor_call(PL_HOST_ADD_PAGE, id, address).error != PL_OK;
    refused &= monitor_call(PL_HOST_CREATE, address).error == PL_ERR_ADDRESS;
    refused &= monitor_call(PL_HOST_INSPECT, id, address).error == PL_ERR_ADDRESS;
    refused &= monitor_call(PL_HOST_SET_WINDOW, id, 0, address & ~u64{4095}, 4096).error != PL_OK;
  }
  const u64 here = reinterpret_cast<u64>(&page);
  refused &= monitor_call(PL_HOST_INSPECT, id, here + 4).error == PL_ERR_ADDRESS;
  refused &= monitor_call(PL_HOST_INSPECT, id, here + 4096 - 64).error == PL_ERR_ADDRESS;
  refused &= monitor_call(PL_HOST_ADD_PAGE, id, here + 8).error == PL_ERR_INVALID;
  check(refused, "a pointer to anything but the host's own RAM is refused");
  refused = true;
  const u64 pool = query(PL_QUERY_POOL_BASE);
  refused &= monitor_call(PL_HOST_SET_WINDOW, id, 3, here, 4096).error == PL_ERR_INVALID;
  refused &= monitor_call(PL_HOST_SET_WINDOW, id, 0, here, 8192 + 4096).error == PL_ERR_INVALID;
  refused &= monitor_call(PL_HOST_SET_WINDOW, id, 0, here + 2048, 4096).error == PL_ERR_INVALID;
  refused &= monitor_call(PL_HOST_SET_WINDOW, id, 0, here, 2048).error != PL_OK;
  refused &= monitor_call(PL_HOST_SET_WINDOW, id, 0, 0x80400000, 4 << 20).error == PL_ERR_INVALID;
  refused &= monitor_call(PL_HOST_SET_WINDOW, id, 0, pool - 4096, 8192).error != PL_OK;
  refused &= monitor_call(PL_HOST_SET_WINDOW, id, 0, 0x80000000, 2 << 20).error == PL_ERR_ADDRESS;
  refused &= monitor_call(PL_HOST_SET_WINDOW, id, 0, ~u64{0} & ~u64{0x1fffff}, 2 << 20).error == PL_ERR_ADDRESS;
  check(refused, "a window that is not a naturally aligned power of two of host memory is refused");
  destroy(id);

  // Structures come back whole: no stack, no padding.
  Agent agent = make_agent();
  for (u64 i = 0; i < 4096; ++i) page.bytes[i] = 0xa5, other_page.bytes[i] = 0x5a;
  monitor_call(PL_HOST_INSPECT, agent.id, reinterpret_cast<u64>(&page));
  monitor_call(PL_HOST_INSPECT, agent.id, reinterpret_cast<u64>(&other_page));
  bool same = true;
  for (u64 i = 0; i < sizeof(struct pl_enclave_info); ++i) same &= page.bytes[i] == other_page.bytes[i];
  check(same && page.bytes[sizeof(struct pl_enclave_info)] == 0xa5, "inspect writes its structure whole and nothing behind it");
  check_equal(monitor_call(PL_HOST_RUN, agent.id, 1).error, static_cast<u64>(PL_ERR_INVALID), "a context beyond the policy does not run");
  check_equal(monitor_call(PL_HOST_RUN, agent.id, 0, 2).error, static_cast<u64>(PL_ERR_INVALID), "unknown flags of run are refused");
  check_equal(monitor_call(PL_ENCLAVE_EXIT, 0).error, static_cast<u64>(PL_ERR_DENIED), "the host cannot make an enclave's calls");
  check_equal(agent.ecall(PL_HOST_CREATE), static_cast<u64>(PL_ERR_DENIED), "an enclave cannot make the host's");
  check_equal(agent.call(kEcall, 0x48534d, 1), static_cast<u64>(PL_ERR_NOT_SUPPORTED), "nor the firmware's (hart_stop)");
  check_equal(agent.call(kEcall, 0x53525354, 0), static_cast<u64>(PL_ERR_NOT_SUPPORTED), "nor reset the machine");
  check_equal(agent.call(kEcall, 0x10, 3, PL_SBI_EXTENSION), 0, "an enclave may probe");
  agent.destroy();

  for (int i = 0; i < 5; ++i) make_agent(i % 2 ? PL_CREATE_FREEZABLE : 0);
  while (monitor_call(PL_HOST_RESET).error == PL_ERR_AGAIN) {
  }
  check_equal(query(PL_QUERY_ENCLAVES), 0, "reset ends what an earlier kernel left");
  check_equal(query(PL_QUERY_POOL_FREE), free, "and frees its memory");
}
