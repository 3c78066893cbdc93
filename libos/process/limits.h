// SPDX-License-Identifier: BSD-2-Clause
// Resource limits (getrlimit(2)), with the numbers of asm-generic/resource.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pl {

struct Limit {
  static constexpr uint64_t Infinity = ~uint64_t(0);
  uint64_t current = Infinity, maximum = Infinity;
};

struct Limits {
  enum Resource : unsigned {
    CpuTime, FileSize, Data, Stack, Core, ResidentSet, Processes, Descriptors, LockedMemory, AddressSpace, Locks, PendingSignals,
    MessageQueue, Nice, RealTimePriority, RealTimeTime, Count
  };
  Limit of[Count];
  Limit& operator[](Resource r) { return of[r]; }
  const Limit& operator[](Resource r) const { return of[r]; }

  constexpr Limits() {
    of[Stack].current = 8u << 20;
    of[Core] = {0, Limit::Infinity};
    of[Descriptors] = {1024, 4096};
    of[LockedMemory] = {8u << 20, 8u << 20};
    of[Nice] = {0, 0};
    of[RealTimePriority] = {0, 0};
    of[MessageQueue] = {819200, 819200};
  }
};

}  // namespace pl
