// SPDX-License-Identifier: BSD-2-Clause
// Misaligned loads and stores of a program. Encodings: RISC-V unprivileged specification, chapters 2, 4, 20, 21 (loads and stores) and 26
// (their compressed forms).
#include "arch/misaligned.h"

#include "arch/fp.h"
#include "arch/trap_frame.h"
#include "memory/user.h"

namespace pl {
namespace {

constexpr unsigned compressed_register(uint32_t field) { return 8 + (field & 7); }

std::optional<MemoryAccess> decode_compressed(uint32_t c) {
  MemoryAccess a;
  a.length = 2;
  unsigned quadrant = c & 3, function = c >> 13 & 7;
  if (quadrant == 0) {
    a.target = compressed_register(c >> 2);
    switch (function) {
      case 1: a.bytes = 8, a.floating = true; return a;                 // c.fld
      case 2: a.bytes = 4, a.sign = true; return a;                     // c.lw
      case 3: a.bytes = 8; return a;                                    // c.ld
      case 5: a.bytes = 8, a.floating = true, a.store = true; return a;  // c.fsd
      case 6: a.bytes = 4, a.store = true; return a;                    // c.sw
      case 7: a.bytes = 8, a.store = true; return a;                    // c.sd
    }
  } else if (quadrant == 2) {
    a.target = function < 4 ? c >> 7 & 31 : c >> 2 & 31;
    switch (function) {
      case 1: a.bytes = 8, a.floating = true; return a;                 // c.fldsp
      case 2: a.bytes = 4, a.sign = true; return a;                     // c.lwsp
      case 3: a.bytes = 8; return a;                                    // c.ldsp
      case 5: a.bytes = 8, a.floating = true, a.store = true; return a;  // c.fsdsp
      case 6: a.bytes = 4, a.store = true; return a;                    // c.swsp
      case 7: a.bytes = 8, a.store = true; return a;                    // c.sdsp
    }
  }
  return {};
}

}  // namespace

std::optional<MemoryAccess> decode_memory_access(uint32_t instruction) {
  if ((instruction & 3) != 3) return decode_compressed(instruction & 0xffff);
  MemoryAccess a;
  a.length = 4;
  unsigned opcode = instruction & 0x7f, width = instruction >> 12 & 7;
  switch (opcode) {
    case 0x03:  // lh, lw, ld, lhu, lwu
      if (width == 7) return {};
      a.bytes = 1u << (width & 3);
      a.sign = width < 3;
      a.target = instruction >> 7 & 31;
      return a;
    case 0x23:  // sh, sw, sd
      if (width > 3) return {};
      a.bytes = 1u << width;
      a.store = true;
      a.target = instruction >> 20 & 31;
      return a;
    case 0x07:  // flw, fld
    case 0x27:  // fsw, fsd
      if (width != 2 && width != 3) return {};
      a.bytes = 1u << width;
      a.floating = true;
      a.store = opcode == 0x27;
      a.target = instruction >> (a.store ? 20 : 7) & 31;
      return a;
  }
  return {};
}

Emulation emulate_misaligned(TrapFrame& frame, uint64_t address) {
  auto fault = [](uint64_t at, bool store) { return Emulation{Emulation::Fault, at, store}; };
  constexpr Emulation Illegal{Emulation::Illegal, 0, false};

  uint16_t halves[2] = {};
  if (!copy_from_user(&halves[0], UserAddress(frame.pc), 2)) return fault(frame.pc, false);
  if ((halves[0] & 3) == 3 && !copy_from_user(&halves[1], UserAddress(frame.pc + 2), 2)) return fault(frame.pc + 2, false);
  auto access = decode_memory_access(uint32_t(halves[1]) << 16 | halves[0]);
  if (!access) return Illegal;
  if (access->floating && (frame.status & StatusFpMask) == 0) return Illegal;

  uint64_t value = 0;
  if (access->store) {
    value = access->floating ? read_fp_register(access->target) : access->target ? frame.x[access->target] : 0;
    if (!copy_to_user(UserAddress(address), &value, access->bytes)) return fault(address, true);
  } else {
    if (!copy_from_user(&value, UserAddress(address), access->bytes)) return fault(address, false);
    if (access->floating) {
      if (access->bytes == 4) value |= 0xffffffff00000000;  // NaN-boxed (unprivileged specification, 21.2)
      write_fp_register(access->target, value);
      frame.status |= StatusFpDirty;
    } else if (access->target) {
      if (access->sign) {
        unsigned shift = 64 - 8 * access->bytes;
        value = uint64_t(int64_t(value << shift) >> shift);
      }
      frame.x[access->target] = value;
    }
  }
  frame.pc += access->length;
  return {Emulation::Handled, 0, false};
}

}  // namespace pl
