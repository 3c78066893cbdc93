// SPDX-License-Identifier: BSD-2-Clause
// From a function's registers to its caller's, in a stopped process: by its call frame information, which LLVM's libunwind reads; where
// there is none, by the function's own first instructions.
#pragma once

#include <array>
#include <cstdint>

#include "debug/memory.h"
#include "debug/objects.h"

namespace pl {

struct UnwindFrame {
  uint64_t pc = 0;
  std::array<uint64_t, 32> x{};  // x[0] stays 0
  // A return address may lie behind the last instruction of its function.
  uint64_t place() const { return pc - (interrupted ? 0 : 1); }
  bool interrupted = true;       // at `pc`, which is to be executed next; otherwise `pc` is where a call returns to
};

class Unwinder {
 public:
  Unwinder(DebuggeeMemory& memory, MappedObjects& objects) : memory_(memory), objects_(objects) {}
  // False: this is the last that is known.
  bool step(UnwindFrame& frame);

 private:
  bool step_out_of_signal(UnwindFrame& frame);
  bool step_by_table(UnwindFrame& frame, const MappedObject& object, uint64_t place);
  bool step_by_prologue(UnwindFrame& frame, const MappedObject& object, uint64_t place);

  DebuggeeMemory& memory_;
  MappedObjects& objects_;
};

}  // namespace pl
