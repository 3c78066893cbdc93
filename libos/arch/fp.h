// SPDX-License-Identifier: BSD-2-Clause
// A program's floating-point state. The libOS itself is soft-float and never touches it: save when a thread that dirtied it
// (TrapFrame::status, FS) gives the hart to another, restore when it gets it back.
#pragma once

#include <cstdint>

namespace pl {

struct FloatState {
  uint64_t f[32] = {};
  uint64_t fcsr = 0;
};

// Each leaves FS as it found it: what the program sees comes from its frame's status.
extern "C" void save_fp(FloatState& state);
extern "C" void restore_fp(const FloatState& state);
extern "C" void reset_fp();  // all zero, round to nearest
// One register, for emulated accesses.
extern "C" uint64_t read_fp_register(unsigned number);
extern "C" void write_fp_register(unsigned number, uint64_t value);

}  // namespace pl
