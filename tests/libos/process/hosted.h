// SPDX-License-Identifier: BSD-2-Clause
// Stands in for the heap and a program's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hosted {

// The program's memory: what copies reach, from `Base` upwards.
constexpr uint64_t Base = 0x10000000;
extern std::vector<uint8_t> memory;
void reset(size_t bytes);

extern bool heap_is_full;   // every allocation fails
extern size_t allocations;  // alive

}  // namespace hosted
