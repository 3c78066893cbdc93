// SPDX-License-Identifier: BSD-2-Clause
// From create to destroy, and every call in every state.
#include "host.h"
#include "sha384_here.h"

namespace {

Page parameters, digest, info_page;

const struct pl_enclave_info& inspect(u64 id) {
  monitor_call(PL_HOST_INSPECT, id, reinterpret_cast<u64>(&info_page));
  return *reinterpret_cast<struct pl_enclave_info*>(&info_page);
}

bool same_bytes(const u8* a, const u8* b, u64 size) {
  for (u64 i = 0; i < size; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace

void test_life() {
  check_equal(query(PL_QUERY_VERSION), PL_SBI_VERSION, "the monitor answers with its version");
  const u64 pool = query(PL_QUERY_POOL_BASE), size = query(PL_QUERY_POOL_SIZE);
  check(size != 0 && (size & (size - 1)) == 0 && pool % size == 0, "the pool is a naturally aligned power of two");
  check(query(PL_QUERY_MAX_ENCLAVES) >= 16384, "there is room for 16,384 enclaves in the table");
  const u64 free = query(PL_QUERY_POOL_FREE);

  struct pl_create wish = {1 << 20, 0, 1, 0};
  *reinterpret_cast<struct pl_create*>(&parameters) = wish;
  const Answer made = monitor_call(PL_HOST_CREATE, reinterpret_cast<u64>(&parameters));
  check_equal(made.error, PL_OK, "create makes an enclave");
  const u64 id = made.value;
  sha384::Hash hash;
  hash.add(&wish, sizeof(wish));
  u64 index = 0;
  for (u8* page = agent_start; page < agent_end; page += 4096, ++index) {
    monitor_call(PL_HOST_ADD_PAGE, id, reinterpret_cast<u64>(page));
    hash.add(&index, 8);
    hash.add(page, 4096);
  }
  check_equal(monitor_call(PL_HOST_SEAL, id, reinterpret_cast<u64>(&digest)).error, PL_OK, "seal fixes the measurement");
  u8 expected[48];
  hash.finish(expected);
  check(same_bytes(digest.bytes, expected, 48), "the measurement is SHA-384 of the parameters and pages as documented");

  Agent agent;
  agent.id = id;
  agent.window = window_page();
  monitor_call(PL_HOST_SET_WINDOW, id, PL_WINDOW_OCALL, reinterpret_cast<u64>(agent.window), 4096);
  agent.call(kNothing);
  check_equal(agent.reason(), PL_LEFT_DOORBELL, "run enters the enclave, and its doorbell leaves it");
  const u64 block = agent.call(kCsr, kSscratch) - 1024;
  check_equal(agent.call(kRead, block + 8), id, "the boot block says the enclave's id");
  check_equal(agent.call(kRead, block + 24), block - index * 4096, "the boot block lies behind the added pages");
  const u64 entropy = block + offsetof(struct pl_boot, entropy);
  check(agent.call(kRead, entropy) != 0 && agent.call(kRead, entropy) != agent.call(kRead, entropy + 8), "the boot block has entropy");
  check_equal(agent.call(kRead, block + offsetof(struct pl_boot, ram_end)), ram_end, "the boot block says where RAM ends");
  check(same_bytes(inspect(id).measurement, expected, 48), "inspect shows the measurement");

  agent.call(kEcall, PL_SBI_EXTENSION, PL_ENCLAVE_LEAVE, PL_LEFT_IDLE, 12345);
  check(agent.reason() == PL_LEFT_IDLE && agent.detail() == 12345, "idle tells the host its deadline");
  agent.run();
  check(agent.reason() == PL_LEFT_DOORBELL && agent.command().result[0] == 0, "idle returns when it is run again");
  agent.ecall(PL_ENCLAVE_EXIT, 0x1234567);
  agent.run();
  check_equal(agent.error, static_cast<u64>(PL_ERR_STATE), "an exited enclave does not run");
  check_equal(inspect(id).state, PL_STATE_EXITED, "inspect shows that it exited");
  check(destroy(id), "destroy ends it");
  check_equal(monitor_call(PL_HOST_RUN, id).error, static_cast<u64>(PL_ERR_STALE), "its id is stale then");
  check_equal(query(PL_QUERY_POOL_FREE), free, "all of its memory is free again");

  Agent again = make_agent();
  check(same_bytes(inspect(again.id).measurement, expected, 48), "the same enclave twice has the same measurement");
  check(again.id != id && monitor_call(PL_HOST_RUN, id).error == PL_ERR_STALE, "an id is not used again by the next in its place");
  again.ecall(PL_ENCLAVE_EXIT, 77);
  check(again.reason() == PL_LEFT_EXIT && again.detail() == 77, "exit tells the host its status");
  again.destroy();
  Agent other = make_agent(PL_CREATE_DEBUG);
  check(!same_bytes(inspect(other.id).measurement, expected, 48), "a debug enclave has another measurement");
  other.ecall(PL_ENCLAVE_FAULT, PL_FAULT_PANIC);
  check(other.reason() == PL_LEFT_FAULT && other.detail() == PL_FAULT_PANIC, "a libOS that gives up tells the host its reason");
  other.destroy();
  agent_start[100] ^= 1;
  wish.flags = 0;
  const Answer changed = monitor_call(PL_HOST_CREATE, reinterpret_cast<u64>(&parameters));
  for (u8* page = agent_start; page < agent_end; page += 4096) monitor_call(PL_HOST_ADD_PAGE, changed.value, reinterpret_cast<u64>(page));
  monitor_call(PL_HOST_SEAL, changed.value, reinterpret_cast<u64>(&digest));
  agent_start[100] ^= 1;
  check(!same_bytes(digest.bytes, expected, 48), "one flipped bit is another measurement");
  destroy(changed.value);
}
