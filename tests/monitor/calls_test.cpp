// SPDX-License-Identifier: BSD-2-Clause
// The life of an enclave as the host's calls drive it, without a hart.
#include <criterion/criterion.h>
#include <string.h>

#include <algorithm>
#include <set>

#include "fake_hart.h"

using namespace pl;

namespace {

Trap doorbell(Hart&, Context& context) { return Fake::ecall(context, PL_ENCLAVE_LEAVE, PL_LEFT_DOORBELL); }

u64 reason(const Reply& reply) { return PL_LEFT_REASON(reply.value); }

u64 do_fork(Fake& machine, u64 parent) {
  *machine.host<pl_fork>(3) = {};
  const Reply reply = machine.call(PL_HOST_FORK, parent, machine.host_page(3));
  cr_assert(reply.status == Status::ok);
  return machine.host<pl_fork>(3)->id;
}

}  // namespace

Test(calls, a_context_starts_as_the_interface_says) {
  Fake machine;
  const u64 id = machine.make_sealed();
  machine.inside = [&](Hart&, Context& context) {
    const auto* boot = PhysicalAddress(context.x[9]).as<pl_boot>();
    cr_assert_eq(context.pc, boot->base);
    cr_assert_eq(boot->id, id);
    cr_assert_eq(boot->version, PL_SBI_VERSION);
    cr_assert_eq(boot->added_pages, 2);
    cr_assert_eq(boot->base_size, 3 * kPageSize);
    cr_assert_eq(context.x[9], boot->base + 2 * kPageSize);
    cr_assert_eq(context.x[10], 0);
    cr_assert_eq(context.satp, 0);
    cr_assert_eq(context.status & (3 << 13), 0);
    for (int i = 0; i < 31; ++i) cr_assert(i == 9 || context.x[i] == 0);
    return Fake::ecall(context, PL_ENCLAVE_EXIT, 3);
  };
  const Reply reply = machine.call(PL_HOST_RUN, id);
  cr_assert(reason(reply) == PL_LEFT_EXIT && PL_LEFT_DETAIL(reply.value) == 3);
}

Test(calls, a_host_with_an_interrupt_does_not_enter) {
  Fake machine;
  const u64 id = machine.make_sealed();
  machine.inside = [](Hart&, Context&) {
    cr_assert(false, "entered");
    return Trap{Trap::kSupervisorCall};
  };
  machine.host_interrupt = true;
  cr_assert_eq(reason(machine.call(PL_HOST_RUN, id)), PL_LEFT_INTERRUPT);
  machine.host_interrupt = false;
  machine.inside = doorbell;
  cr_assert_eq(reason(machine.call(PL_HOST_RUN, id)), PL_LEFT_DOORBELL);
}

Test(calls, faults_end_the_enclave_with_their_kind) {
  Fake machine;
  for (const u64 cause : {1, 5, 7}) {
    const u64 id = machine.make_sealed();
    machine.inside = [=](Hart&, Context&) { return Trap{cause}; };
    const Reply reply = machine.call(PL_HOST_RUN, id);
    cr_assert(reason(reply) == PL_LEFT_FAULT && PL_LEFT_DETAIL(reply.value) == PL_FAULT_ACCESS);
    cr_assert(machine.call(PL_HOST_RUN, id).status == Status::state);
    cr_assert(machine.destroy(id));
  }
  for (const u64 cause : {10, 18, 19, 20, 21, 22, 23, 63}) {
    const u64 id = machine.make_sealed();
    machine.inside = [=](Hart&, Context&) { return Trap{cause}; };
    const Reply reply = machine.call(PL_HOST_RUN, id);
    cr_assert(reason(reply) == PL_LEFT_FAULT && PL_LEFT_DETAIL(reply.value) == PL_FAULT_CAUSE);
    cr_assert(machine.destroy(id));
  }
}

Test(calls, granted_memory_is_zero_whatever_was_there) {
  Fake machine;  // its pool is full of 0xee
  const u64 id = machine.make_sealed(0, u64{4} << 20);
  Reply grown = machine.inside_call(id, PL_ENCLAVE_GROW, u64{1} << 20);
  cr_assert(grown.status == Status::ok);
  const Reply extent = machine.inside_call(id, PL_ENCLAVE_EXTENT_GET, u64{1} << 20);
  cr_assert(extent.status == Status::ok);
  const u64* words = PhysicalAddress(extent.value).as<u64>();
  cr_assert(std::all_of(words, words + (1 << 17), [](u64 word) { return word == 0; }));
  cr_assert_eq(grown.value, (u64{1} << 20) + 3 * kPageSize);
}

Test(calls, memory_of_a_destroyed_enclave_is_zero_before_it_is_free) {
  Fake machine;
  const u64 free = monitor.pool.free_bytes();
  const u64 id = machine.make_sealed(0, u64{1} << 20);
  const u64 extent = machine.inside_call(id, PL_ENCLAVE_EXTENT_GET, u64{512} << 10).value;
  memset(reinterpret_cast<void*>(extent), 0x77, 512 << 10);
  cr_assert(machine.destroy(id));
  cr_assert_eq(monitor.pool.free_bytes(), free);
  const u64* words = reinterpret_cast<const u64*>(extent);
  // But for the two words of the free list.
  cr_assert(std::none_of(words, words + (64 << 10), [](u64 word) { return word == 0x7777777777777777; }));
}

Test(calls, a_long_scrub_is_done_in_steps) {
  Fake machine;
  const u64 id = machine.make_sealed(0, u64{1} << 20);
  cr_assert(machine.inside_call(id, PL_ENCLAVE_EXTENT_GET, u64{4} << 20).status == Status::ok);
  cr_assert(machine.call(PL_HOST_DESTROY, id).status == Status::again);
  cr_assert(machine.call(PL_HOST_RUN, id).status == Status::stale);
  cr_assert(machine.destroy(id));
}

Test(calls, giving_an_extent_back_takes_it_out_of_reach_before_it_is_scrubbed_or_free) {
  Fake machine;
  const u64 id = machine.make_sealed(0, u64{1} << 20);
  const u64 extent = machine.inside_call(id, PL_ENCLAVE_EXTENT_GET, kPageSize).value;
  const u64 free = monitor.pool.free_bytes();
  machine.log.clear();
  cr_assert(machine.inside_call(id, PL_ENCLAVE_EXTENT_PUT, extent).status == Status::ok);
  cr_assert(std::find_if(machine.log.begin(), machine.log.end(), [](const char* what) { return strcmp(what, "reload") == 0; }) != machine.log.end());
  cr_assert_eq(monitor.pool.free_bytes(), free + kPageSize);
  cr_assert(machine.inside_call(id, PL_ENCLAVE_EXTENT_PUT, extent).status == Status::address);
}

Test(calls, limits_hold_exactly) {
  Fake machine;
  const u64 id = machine.make_sealed(0, u64{1} << 20, 16 * kPageSize);  // three pages are held
  cr_assert(machine.inside_call(id, PL_ENCLAVE_GROW, 14 * kPageSize).status == Status::no_memory);
  cr_assert(machine.inside_call(id, PL_ENCLAVE_GROW, 5 * kPageSize).status == Status::ok);
  cr_assert(machine.inside_call(id, PL_ENCLAVE_EXTENT_GET, 16 * kPageSize).status == Status::no_memory);
  cr_assert(machine.inside_call(id, PL_ENCLAVE_EXTENT_GET, 8 * kPageSize).status == Status::ok);
  cr_assert(machine.inside_call(id, PL_ENCLAVE_GROW, kPageSize).status == Status::no_memory);
}

Test(calls, at_the_end_of_every_resource_there_is_a_clean_error) {
  Fake machine;
  const u64 parent = machine.make_template();
  const u64 free = monitor.pool.free_bytes();
  machine.inside = doorbell;
  std::set<u64> ids;
  Status last = Status::ok;
  for (;;) {
    *machine.host<pl_fork>(3) = {};
    const Reply reply = machine.call(PL_HOST_FORK, parent, machine.host_page(3));
    last = reply.status;
    if (last != Status::ok) break;
    cr_assert(ids.insert(machine.host<pl_fork>(3)->id).second);
  }
  cr_assert(last == Status::no_memory || last == Status::limit);
  cr_assert(ids.size() > 200);
  for (const u64 id : ids) cr_assert(machine.destroy(id));
  cr_assert_eq(monitor.pool.free_bytes(), free);
  cr_assert_eq(monitor.table.enclaves(), 1);
  do_fork(machine, parent);
}

Test(calls, a_removed_template_waits_for_its_last_fork) {
  Fake machine;
  const u64 free = monitor.pool.free_bytes();
  const u64 parent = machine.make_template();
  machine.inside = doorbell;
  const u64 a = do_fork(machine, parent), b = do_fork(machine, parent);
  cr_assert(machine.destroy(parent));
  cr_assert(machine.call(PL_HOST_FORK, parent, machine.host_page(3)).status == Status::stale);
  cr_assert(machine.call(PL_HOST_DESTROY, parent).status == Status::stale);
  cr_assert(machine.destroy(a));
  cr_assert_eq(monitor.table.enclaves(), 2);
  cr_assert_eq(reason(machine.call(PL_HOST_RUN, b)), PL_LEFT_DOORBELL);
  cr_assert(machine.destroy(b));
  cr_assert_eq(monitor.table.enclaves(), 0);
  cr_assert_eq(monitor.table.templates(), 0);
  cr_assert_eq(monitor.pool.free_bytes(), free);
}

Test(calls, an_id_is_never_used_twice) {
  Fake machine;
  std::set<u64> ids;
  for (int i = 0; i < 500; ++i) {
    const u64 id = machine.make_created();
    cr_assert(id != 0 && ids.insert(id).second);
    cr_assert(machine.destroy(id));
    for (const u64 function : {PL_HOST_RUN, PL_HOST_DESTROY, PL_HOST_SEAL, PL_HOST_ADD_PAGE, PL_HOST_INSPECT, PL_HOST_FORK, PL_HOST_SET_WINDOW}) {
      cr_assert(machine.call(function, id, machine.host_page(3)).status == Status::stale);
    }
  }
}

Test(calls, a_fork_gets_entropy_of_its_own_and_the_templates_measurement) {
  Fake machine;
  const u64 parent = machine.make_template();
  std::set<u64> seen;
  machine.inside = [&](Hart&, Context& context) {
    const auto* boot = PhysicalAddress(context.x[9]).as<pl_boot>();
    for (int i = 0; i < PL_ENTROPY_SIZE; i += 8) cr_assert(seen.insert(*reinterpret_cast<const u64*>(boot->entropy + i)).second);
    cr_assert(boot->flags & PL_BOOT_FORKED);
    cr_assert_eq(context.x[11], 7);
    return Fake::ecall(context, PL_ENCLAVE_EXIT, 0);
  };
  for (int i = 0; i < 100; ++i) {
    const u64 id = do_fork(machine, parent);
    cr_assert(machine.call(PL_HOST_INSPECT, id, machine.host_page(4)).status == Status::ok);
    cr_assert(machine.call(PL_HOST_INSPECT, parent, machine.host_page(5)).status == Status::ok);
    cr_assert(memcmp(machine.host<pl_enclave_info>(4)->measurement, machine.host<pl_enclave_info>(5)->measurement, 48) == 0);
    cr_assert(machine.destroy(id));
  }
  cr_assert_eq(machine.call(PL_HOST_QUERY, PL_QUERY_FORKS).value, 100);
}

Test(calls, freeze_needs_leave_and_a_plain_enclave) {
  Fake machine;
  const u64 plain = machine.make_sealed();
  cr_assert(machine.inside_call(plain, PL_ENCLAVE_FREEZE, 0).status == Status::state);
  const u64 id = machine.make_sealed(PL_CREATE_FREEZABLE);
  cr_assert(machine.inside_call(id, PL_ENCLAVE_FREEZE, 0, 0, kPageSize).status == Status::invalid);
  const u64 extent = machine.inside_call(id, PL_ENCLAVE_EXTENT_GET, kPageSize).value;
  cr_assert(machine.inside_call(id, PL_ENCLAVE_FREEZE, extent).status == Status::state);
}

Test(calls, a_context_is_on_one_hart_at_a_time) {
  Fake machine;
  const u64 id = machine.make_sealed();
  machine.inside = [&](Hart&, Context& context) {
    // What another hart's host would try meanwhile.
    cr_assert(serve_host_call(harts[1], PL_HOST_RUN, Arguments{{id, 0, 0, 0, 0, 0}}).status == Status::busy);
    cr_assert(serve_host_call(harts[1], PL_HOST_SET_WINDOW, Arguments{{id, 0, 0, 0, 0, 0}}).status == Status::busy);
    cr_assert(serve_host_call(harts[1], PL_HOST_DESTROY, Arguments{{id, 0, 0, 0, 0, 0}}).status == Status::again);
    return Fake::ecall(context, PL_ENCLAVE_LEAVE, PL_LEFT_DOORBELL);
  };
  cr_assert(machine.call(PL_HOST_RUN, id).status == Status::stale);
  cr_assert(machine.destroy(id));
}

Test(calls, a_window_taken_over_a_page_of_the_pool_or_beyond_ram_is_refused) {
  Fake machine;
  const u64 id = machine.make_created();
  const u64 pool = monitor.pool.base().value();
  for (const u64 base : {pool, pool + kPageSize, machine.host_page(0) + Fake::kHost, u64{0}, ~u64{0} & ~(kPageSize - 1)}) {
    cr_assert(machine.call(PL_HOST_SET_WINDOW, id, 0, base, kPageSize).status == Status::address);
  }
  cr_assert(machine.call(PL_HOST_SET_WINDOW, id, 0, machine.host_page(1), 3 * kPageSize).status == Status::invalid);
  cr_assert(machine.call(PL_HOST_SET_WINDOW, id, 0, machine.host_page(1), 2 * kPageSize).status == Status::invalid);
  cr_assert(machine.call(PL_HOST_SET_WINDOW, id, 0, machine.host_page(2), 2 * kPageSize).status == Status::ok);
  cr_assert(machine.call(PL_HOST_SET_WINDOW, id, 0, 0, 0).status == Status::ok);
}
