// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "process/futex.h"

using namespace pl;

namespace {
uint32_t encode(uint32_t operation, uint32_t operand, uint32_t comparison, uint32_t compared) {
  return operation << 28 | comparison << 24 | (operand & 0xfff) << 12 | (compared & 0xfff);
}
uint32_t apply(uint32_t operation, uint32_t operand, uint32_t old) { return *FutexOperation::decode(encode(operation, operand, 0, 0)).apply(old); }
bool holds(uint32_t comparison, uint32_t compared, uint32_t old) { return *FutexOperation::decode(encode(0, 0, comparison, compared)).holds(old); }
}  // namespace

Test(futex, wake_op_changes_the_word_as_it_says) {
  cr_expect_eq(apply(0, 5, 9), 5u);
  cr_expect_eq(apply(1, 5, 9), 14u);
  cr_expect_eq(apply(1, 0xfff, 9), 8u);  // operands are signed
  cr_expect_eq(apply(2, 6, 9), 15u);
  cr_expect_eq(apply(3, 8, 9), 1u);
  cr_expect_eq(apply(4, 1, 9), 8u);
  cr_expect_eq(apply(8 | 0, 31, 0), 0x80000000u);  // 1 << operand
  cr_expect(!FutexOperation::decode(encode(5, 0, 0, 0)).apply(0).has_value());
}

Test(futex, wake_op_compares_signed) {
  cr_expect(holds(0, 4, 4) && !holds(0, 4, 5));
  cr_expect(holds(1, 4, 5));
  cr_expect(holds(2, 0, 0xffffffff) && !holds(2, 0, 0));
  cr_expect(holds(3, 0, 0) && holds(5, 0, 0) && !holds(4, 0, 0));
  cr_expect(!FutexOperation::decode(encode(0, 0, 6, 0)).holds(0).has_value());
}
