// SPDX-License-Identifier: BSD-2-Clause
// Filling and copying whole blocks of memory. Sizes are multiples of 64 bytes, addresses of 8 (zero: of 64).
#pragma once

#include "core/types.h"

namespace pl::arch {

void zero(PhysicalAddress start, u64 size);
void copy(PhysicalAddress to, PhysicalAddress from, u64 size);

}  // namespace pl::arch
