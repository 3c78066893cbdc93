// SPDX-License-Identifier: BSD-2-Clause
#include "core/pmp_set.h"

namespace pl {

namespace {

struct Builder {
  PmpSet& set;
  unsigned next;

  void add(u64 address, u8 config) {
    set.address[next] = address;
    set.config[next / 8] |= static_cast<u64>(config) << (next % 8 * 8);
    set.used |= 1u << next;
    next = (next + 1) % kPmpEntries;
  }
  // Whole pages from anywhere: an entry for the start, one for the end.
  void range(PhysicalAddress base, u64 size, u8 access) {
    add(base.value() >> 2, 0);
    add((base.value() + size) >> 2, PmpSet::kTop | access);
  }
  void natural(PhysicalAddress base, u64 size, u8 access) { add((base.value() >> 2) | ((size >> 3) - 1), PmpSet::kNatural | access); }
};

}  // namespace

void compute_pmp_set(const Enclave& enclave, unsigned first, PmpSet& set) {
  set.config[0] = set.config[1] = 0;
  set.used = 0;
  // No pair may wrap: entry 0 has no predecessor.
  Builder builder{set, first <= kPmpEntries - 4 ? first : 0};
  const u8 base_access = PmpSet::kRead | PmpSet::kExecute | (enclave.is_fork() ? 0 : PmpSet::kWrite);
  constexpr u8 kAll = PmpSet::kRead | PmpSet::kWrite | PmpSet::kExecute;
  builder.range(enclave.base, enclave.base_size, base_access);
  if (enclave.own_size != 0) builder.range(enclave.own, enclave.own_size, kAll);
  for (u32 i = 0; i < enclave.extent_count; ++i) {
    const Extent extent = enclave.extents[i];
    builder.natural(extent.base(), extent.size(), kAll);
  }
  for (const struct pl_window& window : enclave.windows) {
    if (window.size != 0) builder.natural(PhysicalAddress(window.base), window.size, PmpSet::kRead | PmpSet::kWrite);
  }
}

static_assert(2 + 2 + (Enclave::kMaxExtents - 1) + PL_WINDOWS <= kPmpEntries);

}  // namespace pl
