// SPDX-License-Identifier: BSD-2-Clause
// The one instance of everything that outlives a call.
#pragma once

#include "core/entropy.h"
#include "core/host_memory.h"
#include "core/pool.h"
#include "core/table.h"

namespace pl {

struct Monitor {
  Pool pool;
  Table table;
  HostMemory host_memory;
  Entropy entropy;
  u64 timebase = 0;
  u64 isa = 0;  // PL_ISA_*
  u32 reset_cursor = 0;
  // Counts up when memory is given back: a hart that has not executed fence.i since then may hold stale instructions.
  u32 reuse = 0;
};

extern Monitor monitor;

}  // namespace pl
