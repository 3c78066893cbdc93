// SPDX-License-Identifier: BSD-2-Clause
#include "world/harts.h"

namespace pl {

constinit Hart* harts = nullptr;
constinit u32 hart_count = 0;

// Each hart counts for itself, so that the fast path shares no line.
u64 count_forks() {
  u64 sum = 0;
  for (u32 i = 0; i < hart_count; ++i) sum += __atomic_load_n(&harts[i].forks, __ATOMIC_RELAXED);
  return sum;
}

u64 count_switches() {
  u64 sum = 0;
  for (u32 i = 0; i < hart_count; ++i) sum += __atomic_load_n(&harts[i].switches, __ATOMIC_RELAXED);
  return sum;
}

}  // namespace pl
