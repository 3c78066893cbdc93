// SPDX-License-Identifier: BSD-2-Clause
// Zeroing in steps: every call is bounded, so long work is done a step at a time.
#pragma once

#include "arch/memory.h"
#include "core/types.h"

namespace pl {

// About 35,000 instructions without cbo.zero.
inline constexpr u64 kScrubStep = 256 * 1024;

}  // namespace pl
