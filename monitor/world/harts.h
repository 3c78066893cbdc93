// SPDX-License-Identifier: BSD-2-Clause
// The harts of the machine, by the firmware's index.
#pragma once

#include "arch/hart.h"

namespace pl {

inline constexpr u32 kMaxHarts = 128;

extern Hart* harts;
extern u32 hart_count;

u64 count_forks();
u64 count_switches();

}  // namespace pl
