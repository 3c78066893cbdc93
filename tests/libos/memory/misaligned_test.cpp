// SPDX-License-Identifier: BSD-2-Clause
#include "arch/misaligned.h"

#include <criterion/criterion.h>

#include <cstring>

#include "arch/fp.h"
#include "arch/trap_frame.h"
#include "memory/user.h"

// A program of 64 bytes at address 0.
namespace pl {
namespace {
uint8_t program[64];
uint64_t floats[32];
}  // namespace
ErrorOr<void> copy_from_user(void* to, UserAddress from, size_t bytes) {
  if (from.value + bytes > sizeof program) return fail(Errno::Fault);
  std::memcpy(to, program + from.value, bytes);
  return {};
}
ErrorOr<void> copy_to_user(UserAddress to, const void* from, size_t bytes) {
  if (to.value + bytes > sizeof program) return fail(Errno::Fault);
  std::memcpy(program + to.value, from, bytes);
  return {};
}
uint64_t read_fp_register(unsigned number) { return floats[number]; }
void write_fp_register(unsigned number, uint64_t value) { floats[number] = value; }
}  // namespace pl

using namespace pl;

namespace {
void expect(uint32_t instruction, unsigned bytes, unsigned target, bool store, bool floating, bool sign, unsigned length) {
  auto a = decode_memory_access(instruction);
  cr_assert(a.has_value(), "%x", instruction);
  cr_assert_eq(a->bytes, bytes, "%x", instruction);
  cr_assert_eq(a->target, target, "%x", instruction);
  cr_assert_eq(a->store, store, "%x", instruction);
  cr_assert_eq(a->floating, floating, "%x", instruction);
  cr_assert_eq(a->sign, sign, "%x", instruction);
  cr_assert_eq(a->length, length, "%x", instruction);
}
}  // namespace

// Encodings as the assembler writes them.
Test(misaligned, loads_and_stores_are_decoded) {
  expect(0x00351503, 2, 10, false, false, true, 4);   // lh a0, 3(a0)
  expect(0x00355503, 2, 10, false, false, false, 4);  // lhu a0, 3(a0)
  expect(0x0035a783, 4, 15, false, false, true, 4);   // lw a5, 3(a1)
  expect(0x0035e783, 4, 15, false, false, false, 4);  // lwu a5, 3(a1)
  expect(0x0015b503, 8, 10, false, false, false, 4);  // ld a0, 1(a1)
  expect(0x00b51023, 2, 11, true, false, false, 4);   // sh a1, 0(a0)
  expect(0x00b521a3, 4, 11, true, false, false, 4);   // sw a1, 3(a0)
  expect(0x00b531a3, 8, 11, true, false, false, 4);   // sd a1, 3(a0)
  expect(0x00352507, 4, 10, false, true, false, 4);   // flw fa0, 3(a0)
  expect(0x00353587, 8, 11, false, true, false, 4);   // fld fa1, 3(a0)
  expect(0x00b521a7, 4, 11, true, true, false, 4);    // fsw fa1, 3(a0)
  expect(0x00b531a7, 8, 11, true, true, false, 4);    // fsd fa1, 3(a0)
}

Test(misaligned, compressed_loads_and_stores_are_decoded) {
  expect(0x4108, 4, 10, false, false, true, 2);   // c.lw a0, 0(a0)
  expect(0x610c, 8, 11, false, false, false, 2);  // c.ld a1, 0(a0)
  expect(0xc10c, 4, 11, true, false, false, 2);   // c.sw a1, 0(a0)
  expect(0xe10c, 8, 11, true, false, false, 2);   // c.sd a1, 0(a0)
  expect(0x2108, 8, 10, false, true, false, 2);   // c.fld fa0, 0(a0)
  expect(0xa10c, 8, 11, true, true, false, 2);    // c.fsd fa1, 0(a0)
  expect(0x4522, 4, 10, false, false, true, 2);   // c.lwsp a0, 8(sp)
  expect(0x6522, 8, 10, false, false, false, 2);  // c.ldsp a0, 8(sp)
  expect(0xc42e, 4, 11, true, false, false, 2);   // c.swsp a1, 8(sp)
  expect(0xe42e, 8, 11, true, false, false, 2);   // c.sdsp a1, 8(sp)
  expect(0x2522, 8, 10, false, true, false, 2);   // c.fldsp fa0, 8(sp)
  expect(0xa42e, 8, 11, true, true, false, 2);    // c.fsdsp fa1, 8(sp)
}

Test(misaligned, what_is_no_load_or_store_is_left_alone) {
  for (uint32_t instruction : {0x00000013u /* nop */, 0x100522afu /* lr.w */, 0x00b5202fu /* amoadd.w */, 0x00000073u /* ecall */, 0x0001u /* c.nop */})
    cr_assert(!decode_memory_access(instruction).has_value(), "%x", instruction);
}

namespace {
Emulation emulate(TrapFrame& frame, uint32_t instruction, uint64_t address) {
  std::memcpy(program, &instruction, 4);
  frame.pc = 0;
  frame.status = StatusFpClean;
  return emulate_misaligned(frame, address);
}
}  // namespace

Test(misaligned, a_load_extends_as_its_instruction_says_and_the_program_goes_on_behind_it) {
  TrapFrame frame;
  const uint8_t bytes[8] = {0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8};
  std::memcpy(program + 33, bytes, 8);
  cr_assert_eq(emulate(frame, 0x00351503, 33).outcome, Emulation::Handled);  // lh
  cr_assert_eq(frame.x[10], 0xfffffffffffff2f1);
  cr_assert_eq(frame.pc, 4u);
  emulate(frame, 0x00355503, 33);  // lhu
  cr_assert_eq(frame.x[10], 0xf2f1u);
  emulate(frame, 0x0035e783, 33);  // lwu
  cr_assert_eq(frame.x[15], 0xf4f3f2f1u);
  emulate(frame, 0x610c, 33);  // c.ld a1
  cr_assert_eq(frame.x[11], 0xf8f7f6f5f4f3f2f1u);
  cr_assert_eq(frame.pc, 2u);
}

Test(misaligned, a_store_writes_only_its_bytes) {
  TrapFrame frame;
  frame.x[11] = 0x1122334455667788;
  std::memset(program, 0, sizeof program);
  cr_assert_eq(emulate(frame, 0x00b521a3, 35).outcome, Emulation::Handled);  // sw a1
  const uint8_t expected[8] = {0, 0x88, 0x77, 0x66, 0x55, 0, 0, 0};
  cr_assert_eq(std::memcmp(program + 34, expected, 8), 0);
}

Test(misaligned, a_float_is_boxed_and_marks_the_state_dirty) {
  TrapFrame frame;
  const uint32_t value = 0x3f800000;
  std::memcpy(program + 33, &value, 4);
  emulate(frame, 0x00352507, 33);  // flw fa0
  cr_assert_eq(floats[10], 0xffffffff3f800000u);
  cr_assert_eq(frame.status & StatusFpMask, StatusFpDirty);
}

Test(misaligned, a_bad_address_is_a_fault_there_and_an_atomic_is_not_emulated) {
  TrapFrame frame;
  Emulation store = emulate(frame, 0x00b521a3, 63);
  cr_assert_eq(store.outcome, Emulation::Fault);
  cr_assert_eq(store.address, 63u);
  cr_assert(store.store);
  cr_assert_eq(frame.pc, 0u);
  cr_assert_eq(emulate(frame, 0x100522af, 33).outcome, Emulation::Illegal);
}
