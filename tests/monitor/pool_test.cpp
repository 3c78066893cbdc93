// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#include <map>
#include <random>
#include <vector>

#include "core/pool.h"

using namespace pl;

namespace {

struct Arena {
  static constexpr unsigned kOrder = 22;
  Arena() {
    const u64 size = u64{1} << kOrder;
    mapping = mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    base = (reinterpret_cast<u64>(mapping) + size - 1) & ~(size - 1);
    memset(reinterpret_cast<void*>(base), 0xaa, size);
    records = pool.initialize(PhysicalAddress(base), kOrder, 100);
  }
  ~Arena() { munmap(mapping, u64{2} << kOrder); }
  void* mapping;
  u64 base;
  Pool pool;
  PhysicalAddress records;
};

bool is_zero(PhysicalAddress at, u64 size) {
  for (u64 i = 0; i < size; i += 8) {
    if (at.as<u64>()[i / 8] != 0) return false;
  }
  return true;
}

}  // namespace

Test(pool, a_block_is_naturally_aligned_and_inside) {
  Arena arena;
  for (unsigned order = Pool::kMinOrder; order < 20; ++order) {
    const Pool::Block block = arena.pool.allocate(order);
    cr_assert(!block.base.is_null());
    cr_assert(block.base.is_aligned(u64{1} << order));
    cr_assert(block.base.value() >= arena.base && block.base.value() + (u64{1} << order) <= arena.base + arena.pool.size());
  }
}

Test(pool, its_records_are_zeroed_and_never_handed_out) {
  Arena arena;
  cr_assert(is_zero(arena.records, 104));
  while (true) {
    const Pool::Block block = arena.pool.allocate(Pool::kMinOrder);
    if (block.base.is_null()) break;
    cr_assert(block.base.value() >= arena.records.value() + kPageSize);
  }
  cr_assert_eq(arena.pool.free_bytes(), 0);
}

Test(pool, memory_of_unknown_content_is_called_dirty) {
  Arena arena;
  cr_assert(arena.pool.allocate(16).content == Content::dirty);
}

Test(pool, what_came_back_zero_is_handed_out_zero) {
  Arena arena;
  const Pool::Block block = arena.pool.allocate(16);
  memset(block.base.as<void>(), 0, 1 << 16);
  arena.pool.release(block.base, Content::zero);
  const Pool::Block again = arena.pool.allocate(15);
  cr_assert(again.content == Content::zero);
  cr_assert(is_zero(again.base, 1 << 15));
}

Test(pool, zero_and_dirty_memory_do_not_mix_but_make_a_large_block_when_needed) {
  Arena arena;
  const u64 free = arena.pool.free_bytes();
  std::vector<PhysicalAddress> blocks;
  for (;;) {
    const Pool::Block block = arena.pool.allocate(12);
    if (block.base.is_null()) break;
    memset(block.base.as<void>(), 0, 4096);
    blocks.push_back(block.base);
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i % 2) memset(blocks[i].as<void>(), 0x55, 4096);
    arena.pool.release(blocks[i], i % 2 ? Content::dirty : Content::zero);
  }
  cr_assert_eq(arena.pool.largest(), 4096);
  const Pool::Block large = arena.pool.allocate(20);
  cr_assert(!large.base.is_null() && large.base.is_aligned(1 << 20));
  cr_assert(large.content == Content::dirty);
  arena.pool.release(large.base, Content::dirty);
  cr_assert_eq(arena.pool.free_bytes(), free);
}

Test(pool, a_trimmed_block_is_freed_piece_by_piece) {
  Arena arena;
  const u64 free = arena.pool.free_bytes();
  const Pool::Block block = arena.pool.allocate(20);
  const u64 used = 0x2b000;
  arena.pool.trim(block.base, used, Content::dirty);
  cr_assert_eq(arena.pool.free_bytes(), free - used);
  u64 offset = 0;
  while (offset < used) {
    const u64 size = arena.pool.size_of(block.base + offset);
    arena.pool.release(block.base + offset, Content::dirty);
    offset += size;
  }
  cr_assert_eq(offset, used);
  cr_assert_eq(arena.pool.free_bytes(), free);
  cr_assert(!arena.pool.allocate(20).base.is_null());
}

Test(pool, an_order_it_cannot_have_is_no_block) {
  Arena arena;
  cr_assert(arena.pool.allocate(Arena::kOrder).base.is_null());
  cr_assert(arena.pool.allocate(Arena::kOrder + 1).base.is_null());
  cr_assert(arena.pool.allocate(63).base.is_null());
  cr_assert(arena.pool.allocate(Pool::kMinOrder - 1).base.is_null());
}

Test(pool, at_random_no_two_blocks_overlap_zero_stays_zero_and_nothing_is_lost) {
  Arena arena;
  const u64 free = arena.pool.free_bytes();
  std::mt19937_64 random(1);
  std::map<u64, std::pair<unsigned, u64>> live;  // base -> order, pattern
  for (int i = 0; i < 20000; ++i) {
    if (random() % 2 && live.size() < 300) {
      const unsigned order = Pool::kMinOrder + random() % 7;
      const Pool::Block block = arena.pool.allocate(order);
      if (block.base.is_null()) continue;
      if (block.content == Content::zero) cr_assert(is_zero(block.base, u64{1} << order));
      auto next = live.lower_bound(block.base.value());
      if (next != live.end()) cr_assert(block.base.value() + (u64{1} << order) <= next->first);
      if (next != live.begin()) cr_assert(std::prev(next)->first + (u64{1} << std::prev(next)->second.first) <= block.base.value());
      const u64 pattern = random() | 1;
      for (u64 j = 0; j < (u64{1} << order); j += 512) *(block.base + j).as<u64>() = pattern;
      live[block.base.value()] = {order, pattern};
    } else if (!live.empty()) {
      auto it = std::next(live.begin(), static_cast<long>(random() % live.size()));
      const u64 size = u64{1} << it->second.first;
      for (u64 j = 0; j < size; j += 512) cr_assert_eq(*PhysicalAddress(it->first + j).as<u64>(), it->second.second);
      const bool scrub = random() % 2;
      if (scrub) memset(reinterpret_cast<void*>(it->first), 0, size);
      arena.pool.release(PhysicalAddress(it->first), scrub ? Content::zero : Content::dirty);
      live.erase(it);
    }
  }
  for (const auto& [base, what] : live) arena.pool.release(PhysicalAddress(base), Content::dirty);
  cr_assert_eq(arena.pool.free_bytes(), free);
}
