// SPDX-License-Identifier: BSD-2-Clause
// Where the pool lies: one naturally aligned power of two, so that one PMP entry closes it, clear of everything that the boot
// has placed in RAM.
#include "arch/firmware.h"
#include "core/host_memory.h"
#include "core/types.h"

namespace pl {

namespace {

constexpr u64 kLeastPool = u64{16} << 20;

bool is_clear(const pl_machine& machine, u64 base, u64 size) {
  const pl_range* const occupied[] = {&machine.firmware, &machine.kernel, &machine.initrd, &machine.fdt};
  for (const pl_range* range : occupied) {
    if (range->size != 0 && Range{range->base, range->size}.overlaps(base, size)) return false;
  }
  return true;
}

// The highest clear block of this size; 0: none.
u64 find_block(const pl_machine& machine, u64 size) {
  u64 best = 0;
  for (u32 i = 0; i < machine.ram_banks; ++i) {
    const Range bank{machine.ram[i].base, machine.ram[i].size};
    if (bank.size < size) continue;
    for (u64 base = (bank.base + bank.size - size) & ~(size - 1); bank.contains(base, size) && base > best; base -= size) {
      if (is_clear(machine, base, size)) {
        best = base;
        break;
      }
      if (base < size) break;
    }
  }
  return best;
}

}  // namespace

extern "C" const char* pl_place_pool(pl_machine* machine) {
  machine->pool = {};
  u64 total = 0;
  for (u32 i = 0; i < machine->ram_banks; ++i) total += machine->ram[i].size;
  if (machine->pool_request != 0) {
    const u64 size = machine->pool_request;
    if (!is_power_of_two(size) || size < kLeastPool) return "penglai.pool is not a power of two of at least 16M";
    const u64 base = find_block(*machine, size);
    if (base == 0) return "penglai.pool does not fit into free RAM";
    machine->pool = {base, size};
    return nullptr;
  }
  if (total / 2 < kLeastPool) return "too little RAM";
  for (u64 size = u64{1} << (63 - __builtin_clzll(total / 2)); size >= kLeastPool; size /= 2) {
    const u64 base = find_block(*machine, size);
    if (base == 0) continue;
    machine->pool = {base, size};
    return nullptr;
  }
  return "no free naturally aligned block of RAM";
}

}  // namespace pl
