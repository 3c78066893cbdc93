// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>
#include <optional>

namespace pl {

// What a load or store does, but for its address, which the trap tells.
struct MemoryAccess {
  unsigned length = 0;  // of the instruction
  unsigned bytes = 0;
  unsigned target = 0;  // register number
  bool store = false, floating = false, sign = false;
};
// Nothing for other instructions, atomics included.
std::optional<MemoryAccess> decode_memory_access(uint32_t instruction);

}  // namespace pl
