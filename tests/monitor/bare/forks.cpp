// SPDX-License-Identifier: BSD-2-Clause
// Freeze, fork, and what a fork shares.
#include "host.h"

namespace {

Page info_page, fork_page;

const struct pl_enclave_info& inspect(u64 id) {
  monitor_call(PL_HOST_INSPECT, id, reinterpret_cast<u64>(&info_page));
  return *reinterpret_cast<struct pl_enclave_info*>(&info_page);
}

u64 boot_block(Agent& agent) { return agent.call(kCsr, kSscratch) - 1024; }

}  // namespace

void test_forks() {
  const u64 free = query(PL_QUERY_POOL_FREE), made = query(PL_QUERY_FORKS);
  Agent parent = make_agent(PL_CREATE_FREEZABLE, 1, 8 << 20);
  const u64 block = boot_block(parent);
  parent.ecall(PL_ENCLAVE_GROW, 64 << 10);
  const u64 grown = block + 4096;
  check_equal(parent.call(kIsZero, grown, 64 << 10), 1, "grown memory is zero");
  parent.call(kFill, grown, 64 << 10, 0x1111111111111111);
  const u64 before = query(PL_QUERY_POOL_FREE);
  freeze(parent, 4711);
  check_equal(parent.reason(), PL_LEFT_FROZEN, "freeze makes a template");
  check(query(PL_QUERY_POOL_FREE) > before + (7 << 20), "the tail of the reservation is given back");
  check_equal(query(PL_QUERY_TEMPLATES), 1, "the template is counted");
  parent.run();
  check_equal(parent.error, static_cast<u64>(PL_ERR_STATE), "a template does not run");

  Agent first = fork(parent);
  check_equal(first.reason(), PL_LEFT_DOORBELL, "a fork starts at the template's entry");
  check_equal(first.command().cookie, 4711, "with the cookie of the freeze");
  check_equal(query(PL_QUERY_FORKS), made + 1, "the monitor counts it");
  check_equal(first.call(kRead, grown), 0x1111111111111111, "a fork reads the template");
  const u64 extent = boot_block(first);
  check_equal(first.call(kRead, extent + offsetof(struct pl_boot, flags)), PL_BOOT_FORKED | PL_CREATE_FREEZABLE, "its boot block says that it was forked");
  check_equal(first.call(kRead, extent + offsetof(struct pl_boot, base_size)), inspect(first.id).shared_bytes, "and how large the template is");
  check_equal(first.call(kIsZero, extent + 4096, kForkSize - 4096), 1, "the rest of its own memory is zero");
  Agent second = fork(parent);
  check(boot_block(second) != extent, "two forks have extents of their own");
  const u64 entropy = offsetof(struct pl_boot, entropy);
  check(first.call(kRead, extent + entropy) != second.call(kRead, boot_block(second) + entropy), "two forks have different entropy");
  check_equal(inspect(second.id).template_id, parent.id, "inspect names a fork's template");
  check(inspect(second.id).private_bytes <= 66 << 10, "a fork holds 64 KiB and a record of 2 KiB");

  second.call(kRead, extent);
  check(second.reason() == PL_LEFT_FAULT && second.detail() == PL_FAULT_ACCESS, "a fork that reads its sibling's memory is ended");
  second.destroy();
  Agent writer = fork(parent);
  writer.call(kWrite, grown, 1);
  check(writer.reason() == PL_LEFT_FAULT && writer.detail() == PL_FAULT_ACCESS, "a fork that writes the template is ended");
  writer.destroy();
  Agent third = fork(parent);
  check_equal(third.call(kRead, grown), 0x1111111111111111, "the template is unchanged");
  check_equal(static_cast<long>(third.ecall(PL_ENCLAVE_GROW, 4096)), PL_ERR_STATE, "a fork cannot grow its template");
  check_equal(static_cast<long>(third.ecall(PL_ENCLAVE_FREEZE, grown)), PL_ERR_STATE, "a fork cannot freeze");

  check(destroy(parent.id), "destroying a template with live forks is accepted");
  check_equal(monitor_call(PL_HOST_FORK, parent.id, reinterpret_cast<u64>(&fork_page)).error, static_cast<u64>(PL_ERR_STALE), "it cannot be forked then");
  check_equal(monitor_call(PL_HOST_INSPECT, parent.id, reinterpret_cast<u64>(&info_page)).error, static_cast<u64>(PL_ERR_STALE), "nor inspected");
  check_equal(third.call(kRead, grown), 0x1111111111111111, "its forks go on");
  first.destroy();
  check_equal(query(PL_QUERY_ENCLAVES), 2, "it lives as long as a fork does");
  third.destroy();
  check_equal(query(PL_QUERY_ENCLAVES), 0, "the last fork takes it along");
  check_equal(query(PL_QUERY_TEMPLATES), 0, "and the count of templates");
  check_equal(query(PL_QUERY_POOL_FREE), free, "and all of its memory");

  // Many at once.
  Agent many = make_agent(PL_CREATE_FREEZABLE);
  freeze(many);
  static u64 ids[1000];
  u64 good = 0;
  bool distinct = true;
  for (u64& id : ids) {
    Agent one = fork(many);
    good += one.error == PL_OK && one.reason() == PL_LEFT_DOORBELL;
    distinct &= one.id != ids[0] || &id == &ids[0];
    id = one.id;
  }
  check_equal(good, 1000, "a thousand forks live at once");
  check(distinct && query(PL_QUERY_ENCLAVES) == 1001, "each with an id of its own");
  for (const u64 id : ids) destroy(id);
  many.destroy();
  check_equal(query(PL_QUERY_POOL_FREE), free, "nothing is lost by a thousand forks");
}
