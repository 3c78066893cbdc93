// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <string.h>

#include <random>

#include "core/pmp_set.h"

using namespace pl;

namespace {

// What the PMP would say (privileged spec 3.7.1): the lowest entry that matches decides; none that matches is a refusal.
u8 access(const PmpSet& set, u64 address) {
  for (unsigned entry = 0; entry < kPmpEntries; ++entry) {
    const u8 config = set.config_of(entry);
    const u8 mode = config >> 3 & 3;
    const u64 value = set.address[entry];
    if (mode == 1) {
      const u64 bottom = entry == 0 ? 0 : set.address[entry - 1] << 2;
      if (address >= bottom && address < value << 2) return config & 7;
    } else if (mode == 3) {
      const u64 size = u64{8} << __builtin_ctzll(~value);
      const u64 base = (value << 2) & ~(size - 1);
      if (address >= base && address - base < size) return config & 7;
    }
  }
  return 0;
}

Enclave* blank() {
  static Enclave enclave;
  memset(static_cast<void*>(&enclave), 0, sizeof(enclave));
  return &enclave;
}

}  // namespace

Test(pmp, a_cold_enclave_has_its_region_a_fork_reads_and_executes_its_template) {
  Enclave* enclave = blank();
  enclave->base = PhysicalAddress(0xc0100000);
  enclave->base_size = 0x7000;
  PmpSet set = {};
  compute_pmp_set(*enclave, 9, set);
  cr_assert_eq(access(set, 0xc0100000), 7);
  cr_assert_eq(access(set, 0xc0106fff), 7);
  cr_assert_eq(access(set, 0xc0107000), 0);
  cr_assert_eq(access(set, 0xc00fffff), 0);
  Slot origin = {};
  enclave->origin = &origin;
  compute_pmp_set(*enclave, 9, set);
  cr_assert_eq(access(set, 0xc0103000), 5);
}

Test(pmp, any_first_entry_gives_the_same_reach_and_nothing_else) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 3000; ++round) {
    Enclave* enclave = blank();
    // Places of 2 MiB, each used by one thing.
    u64 place = u64{0x80000000} + (random() % 8 << 21);
    const auto next = [&] { return place += u64{4} << 20; };
    enclave->base = PhysicalAddress(next());
    enclave->base_size = (1 + random() % 512) * kPageSize;
    Slot origin = {};
    if (random() % 2) enclave->origin = &origin;
    if (enclave->is_fork()) {
      enclave->own = PhysicalAddress(next() + random() % 8 * kPageSize);
      enclave->own_size = (1 + random() % 64) * kPageSize;
    }
    enclave->extent_count = static_cast<u32>(random() % (Enclave::kMaxExtents + !enclave->is_fork()));
    for (u32 i = 0; i < enclave->extent_count; ++i) enclave->extents[i] = Extent(PhysicalAddress(next()), kPageOrder + random() % 10);
    for (pl_window& window : enclave->windows) {
      if (random() % 2) window = {next(), kPageSize << random() % 10};
    }
    PmpSet set;
    memset(static_cast<void*>(&set), 0xff, sizeof(set));
    compute_pmp_set(*enclave, static_cast<unsigned>(random() % 17), set);
    const auto expected = [&](u64 address) -> u8 {
      if (address >= enclave->base.value() && address - enclave->base.value() < enclave->base_size) return enclave->is_fork() ? 5 : 7;
      if (address >= enclave->own.value() && address - enclave->own.value() < enclave->own_size) return 7;
      for (u32 i = 0; i < enclave->extent_count; ++i) {
        if (address >= enclave->extents[i].base().value() && address - enclave->extents[i].base().value() < enclave->extents[i].size()) return 7;
      }
      for (const pl_window& window : enclave->windows) {
        if (window.size != 0 && address >= window.base && address - window.base < window.size) return 3;
      }
      return 0;
    };
    const auto probe = [&](u64 address) { cr_assert_eq(access(set, address), expected(address)); };
    const auto edges = [&](u64 base, u64 size) { probe(base), probe(base - 1), probe(base + size - 1), probe(base + size); };
    edges(enclave->base.value(), enclave->base_size);
    if (enclave->own_size != 0) edges(enclave->own.value(), enclave->own_size);
    for (u32 i = 0; i < enclave->extent_count; ++i) edges(enclave->extents[i].base().value(), enclave->extents[i].size());
    for (const pl_window& window : enclave->windows) {
      if (window.size != 0) edges(window.base, window.size);
    }
    for (int i = 0; i < 20; ++i) probe(u64{0x80000000} + random() % (u64{128} << 20));
    probe(0), probe(0x10000000), probe(~u64{0} >> 8);
  }
}
