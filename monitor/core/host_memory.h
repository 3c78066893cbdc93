// SPDX-License-Identifier: BSD-2-Clause
// Memory that the host may name in a call: RAM of the device tree's /memory, without the pool and the firmware. An allow-list,
// because OpenSBI's own check lets device registers pass.
#pragma once

#include "core/status.h"
#include "core/types.h"

namespace pl {

struct Range {
  u64 base = 0, size = 0;

  constexpr bool contains(u64 start, u64 bytes) const {
    return start >= base && bytes <= size && start - base <= size - bytes;
  }
  constexpr bool overlaps(u64 start, u64 bytes) const { return start < base + size && base < start + bytes; }
};

class HostMemory {
 public:
  static constexpr int kBanks = 8;

  void add_bank(Range bank);
  void exclude(Range range);
  u64 end() const;

  // Whether [start, start + size) is the host's, does not wrap and lies in one bank.
  bool owns(u64 start, u64 size) const;
  // Whether a structure may lie there: the host's, 8-byte aligned, within a page.
  bool accepts(u64 address, u64 size) const;

  // Copies a structure in, each word read once.
  template <typename T>
  Status read(u64 address, T& out) const {
    static_assert(sizeof(T) % 8 == 0);
    if (!accepts(address, sizeof(T))) return Status::address;
    const volatile u64* from = PhysicalAddress(address).as<const volatile u64>();
    u64* to = reinterpret_cast<u64*>(&out);
    for (u64 i = 0; i < sizeof(T) / 8; ++i) to[i] = from[i];
    return Status::ok;
  }
  template <typename T>
  Status write(u64 address, const T& value) const {
    static_assert(sizeof(T) % 8 == 0);
    if (!accepts(address, sizeof(T))) return Status::address;
    volatile u64* to = PhysicalAddress(address).as<volatile u64>();
    const u64* from = reinterpret_cast<const u64*>(&value);
    for (u64 i = 0; i < sizeof(T) / 8; ++i) to[i] = from[i];
    return Status::ok;
  }

 private:
  Range banks_[kBanks];
  int bank_count_ = 0;
  Range excluded_[4];
  int excluded_count_ = 0;
};

}  // namespace pl
