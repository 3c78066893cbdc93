// SPDX-License-Identifier: BSD-2-Clause
// FUTEX_WAKE_OP's little language (futex(2)).
#include "process/futex.h"

namespace pl {

FutexOperation FutexOperation::decode(uint32_t word) {
  auto sign_extend = [](uint32_t v) { return int32_t(v << 20) >> 20; };
  FutexOperation o{word >> 28, word >> 24 & 15, sign_extend(word >> 12 & 0xfff), sign_extend(word & 0xfff)};
  if (o.operation & 8) {  // FUTEX_OP_OPARG_SHIFT
    o.operation &= 7;
    o.operand = int32_t(1u << (uint32_t(o.operand) & 31));
  }
  return o;
}

ErrorOr<uint32_t> FutexOperation::apply(uint32_t old_value) const {
  switch (operation) {
    case 0: return uint32_t(operand);
    case 1: return old_value + uint32_t(operand);
    case 2: return old_value | uint32_t(operand);
    case 3: return old_value & ~uint32_t(operand);
    case 4: return old_value ^ uint32_t(operand);
    default: return fail(Errno::NoSystemCall);
  }
}

ErrorOr<bool> FutexOperation::holds(uint32_t old_value) const {
  int32_t old = int32_t(old_value);
  switch (comparison) {
    case 0: return old == compared;
    case 1: return old != compared;
    case 2: return old < compared;
    case 3: return old <= compared;
    case 4: return old > compared;
    case 5: return old >= compared;
    default: return fail(Errno::NoSystemCall);
  }
}

}  // namespace pl
