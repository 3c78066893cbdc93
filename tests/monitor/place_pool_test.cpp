// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "arch/firmware.h"
#include "core/types.h"

using pl::u64;

namespace {

constexpr u64 kMega = u64{1} << 20;

// QEMU's virt with so much RAM: the device tree lies 2 MiB below the end of RAM or 3 GiB.
pl_machine machine_with(u64 ram) {
  pl_machine machine = {};
  machine.ram[0] = {0x80000000, ram};
  machine.ram_banks = 1;
  machine.firmware = {0x80000000, 0x60000};
  machine.kernel = {0x80200000, 64 * kMega};
  machine.initrd = {0x88200000, 8 * kMega};
  const u64 end = 0x80000000 + ram;
  machine.fdt = {(end < 0xc0000000 ? end : 0xc0000000) - 2 * kMega, 64 << 10};
  return machine;
}

}  // namespace

Test(place_pool, takes_the_highest_half_when_it_is_clear) {
  pl_machine machine = machine_with(2048 * kMega);
  cr_assert_null(pl_place_pool(&machine));
  cr_assert_eq(machine.pool.base, 0xc0000000);
  cr_assert_eq(machine.pool.size, 1024 * kMega);
}

Test(place_pool, keeps_clear_of_the_device_tree) {
  pl_machine machine = machine_with(1024 * kMega);
  cr_assert_null(pl_place_pool(&machine));
  cr_assert_eq(machine.pool.base, 0xa0000000);
  cr_assert_eq(machine.pool.size, 256 * kMega);
}

Test(place_pool, of_any_machine_is_aligned_clear_and_at_most_half) {
  for (u64 mega = 64; mega <= 16384; mega += 192) {
    pl_machine machine = machine_with(mega * kMega);
    if (pl_place_pool(&machine) != nullptr) continue;
    const u64 base = machine.pool.base, size = machine.pool.size;
    cr_assert(pl::is_power_of_two(size) && base % size == 0);
    cr_assert(size <= mega * kMega / 2);
    cr_assert(base >= 0x80000000 && base + size <= 0x80000000 + mega * kMega);
    for (const pl_range& range : {machine.firmware, machine.kernel, machine.initrd, machine.fdt}) {
      cr_assert(range.base + range.size <= base || base + size <= range.base);
    }
  }
}

Test(place_pool, refuses_what_it_was_asked_for_and_cannot_do) {
  for (const u64 request : {u64{1}, 3 * kMega, 48 * kMega, u64{1} << 40, 2048 * kMega}) {
    pl_machine machine = machine_with(2048 * kMega);
    machine.pool_request = request;
    cr_assert_not_null(pl_place_pool(&machine));
    cr_assert_eq(machine.pool.size, 0);
  }
  pl_machine machine = machine_with(2048 * kMega);
  machine.pool_request = 64 * kMega;
  cr_assert_null(pl_place_pool(&machine));
  cr_assert_eq(machine.pool.size, 64 * kMega);
  cr_assert_eq(machine.pool.base, 0xfc000000);
}
