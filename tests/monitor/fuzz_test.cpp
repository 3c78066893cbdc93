// SPDX-License-Identifier: BSD-2-Clause
// Any call with any arguments, from the host and from inside, in any order: under ASan and UBSan, and with the books balanced.
#include <criterion/criterion.h>

#include <random>

#include "fake_hart.h"

using namespace pl;

namespace {

struct Fuzzer {
  Fake& machine;
  std::mt19937_64 random;
  std::vector<u64> ids;

  u64 argument() {
    switch (random() % 10) {
      case 0:
        return random();
      case 1:
      case 2:
      case 3:
        return ids.empty() ? 0 : ids[random() % ids.size()];
      case 4:
        return machine.host_page(random() % 8);
      case 5:
        return machine.host_page(0) + random() % Fake::kHost;
      case 6:
        return monitor.pool.base().value() + random() % Fake::kPool;
      case 7:
        return u64{1} << random() % 64;
      case 8:
        return random() % 8 * kPageSize;
      default:
        return random() % 16;
    }
  }

  // What a hostile enclave does at each entry.
  Trap inside(Context& context) {
    for (int i = 0; i < 31; ++i) {
      if (random() % 8 == 0) context.x[i] = argument();
    }
    switch (random() % 8) {
      case 0:
        return Trap{random() % 24};
      case 1:
        return Trap{Trap::kInterrupt | random() % 16};
      case 2:
        return Fake::ecall(context, PL_ENCLAVE_LEAVE, 2 + random() % 3, argument());
      default:
        context.x[16] = random() % 8 ? PL_SBI_EXTENSION : random();
        context.x[15] = random() % 8 ? PL_ENCLAVE_EXIT + random() % 11 : random();
        for (int i = 0; i < 4; ++i) context.x[9 + i] = random() % 3 ? argument() : context.pc;
        return Trap{Trap::kSupervisorCall};
    }
  }

  void prepare() {
    u64* page = machine.host<u64>(0);
    for (int i = 0; i < 16; ++i) page[i] = random() % 2 ? argument() : 0;
    if (random() % 2) *machine.host<pl_create>(0) = {u64{1} << (20 + random() % 3), random() % 2 ? 0 : argument(), 1 + static_cast<u32>(random() % 3), static_cast<u32>(random() % 2)};
    if (random() % 2) machine.host<pl_fork>(1)->window[0] = {machine.host_page(4), kPageSize}, machine.host<pl_fork>(1)->memory_limit = 0;
  }

  Reply call() {
    const u64 function = random() % 16 ? random() % 10 : random();
    if (function == PL_HOST_RESET && random() % 50) return Status::ok;
    u64 a[4] = {argument(), argument(), argument(), argument()};
    if (function == PL_HOST_CREATE) a[0] = machine.host_page(0);
    if (function == PL_HOST_FORK && random() % 4) a[1] = machine.host_page(1);
    if (function == PL_HOST_ADD_PAGE && random() % 2) a[1] = machine.host_page(3);
    if (function == PL_HOST_SEAL && random() % 2) a[1] = machine.host_page(2);
    if (function == PL_HOST_RUN) a[1] = random() % 4, a[2] = random() % 2;
    const Reply reply = machine.call(function, a[0], a[1], a[2], a[3]);
    if (function == PL_HOST_CREATE && reply.status == Status::ok) ids.push_back(reply.value);
    if (function == PL_HOST_FORK && reply.status == Status::ok && a[1] == machine.host_page(1)) ids.push_back(machine.host<pl_fork>(1)->id);
    if (ids.size() > 24) ids.erase(ids.begin());
    return reply;
  }
};

}  // namespace

Test(fuzz, any_calls_in_any_order_leave_the_books_balanced) {
  Fake machine;
  const u64 free = monitor.pool.free_bytes();
  for (u64 round = 0; round < 30; ++round) {
    Fuzzer fuzzer{machine, std::mt19937_64(round), {}};
    machine.inside = [&](Hart&, Context& context) { return fuzzer.inside(context); };
    u64 accepted = 0;
    for (int i = 0; i < 2000; ++i) {
      fuzzer.prepare();
      accepted += fuzzer.call().status == Status::ok;
      cr_assert(monitor.pool.free_bytes() <= free);
    }
    cr_assert(accepted > 50);
    for (int i = 0; machine.call(PL_HOST_RESET).status == Status::again; ++i) cr_assert(i < 100000);
    cr_assert_eq(monitor.table.enclaves(), 0);
    cr_assert_eq(monitor.table.templates(), 0);
    cr_assert_eq(monitor.pool.free_bytes(), free);
  }
}
