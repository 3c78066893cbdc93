// SPDX-License-Identifier: BSD-2-Clause
#include "core/host_memory.h"

namespace pl {

void HostMemory::add_bank(Range bank) {
  if (bank_count_ < kBanks) banks_[bank_count_++] = bank;
}

void HostMemory::exclude(Range range) {
  if (excluded_count_ < 4) excluded_[excluded_count_++] = range;
}

u64 HostMemory::end() const {
  u64 end = 0;
  for (int i = 0; i < bank_count_; ++i) {
    if (banks_[i].base + banks_[i].size > end) end = banks_[i].base + banks_[i].size;
  }
  return end;
}

bool HostMemory::owns(u64 start, u64 size) const {
  if (size == 0 || start + size < start) return false;
  for (int i = 0; i < excluded_count_; ++i) {
    if (excluded_[i].overlaps(start, size)) return false;
  }
  for (int i = 0; i < bank_count_; ++i) {
    if (banks_[i].contains(start, size)) return true;
  }
  return false;
}

bool HostMemory::accepts(u64 address, u64 size) const {
  if (address % 8 != 0) return false;
  if (address / kPageSize != (address + size - 1) / kPageSize) return false;
  return owns(address, size);
}

}  // namespace pl
