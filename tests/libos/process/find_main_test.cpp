// SPDX-License-Identifier: BSD-2-Clause
#include "shadow/find_main.h"

#include <criterion/criterion.h>

#include <cstring>
#include <functional>
#include <map>
#include <vector>

using namespace pl;
using namespace pl::shadow;

namespace {

constexpr uint64_t Code = 0x10000, Stack = 0x40000, Bytes = 0x1000;

// Two pages: code, which cannot be written, and a stack.
class Program final : public StartMemory {
 public:
  explicit Program(const std::vector<uint32_t>& instructions) {
    size_t at = 0;
    for (uint32_t i : instructions) {
      size_t bytes = (i & 3) == 3 ? 4 : 2;
      std::memcpy(code + at, &i, bytes);
      at += bytes;
    }
  }
  ErrorOr<void> read(uint64_t address, void* to, size_t bytes) override {
    const uint8_t* from = place(address, bytes);
    if (!from) return fail(Errno::Fault);
    std::memcpy(to, from, bytes);
    return {};
  }
  ErrorOr<void> write(uint64_t address, const void* from, size_t bytes) override {
    uint8_t* to = address >= Stack ? place(address, bytes) : nullptr;
    if (!to) return fail(Errno::Fault);
    std::memcpy(to, from, bytes);
    return {};
  }
  bool executable(uint64_t address) override { return address >= Code && address < Code + Bytes; }

  uint8_t* place(uint64_t address, size_t bytes) {
    if (address >= Code && address + bytes <= Code + Bytes) return code + (address - Code);
    if (address >= Stack && address + bytes <= Stack + Bytes) return stack + (address - Stack);
    return nullptr;
  }
  uint64_t word(uint64_t address) {
    uint64_t value = 0;
    std::memcpy(&value, place(address, 8), 8);
    return value;
  }
  void set_word(uint64_t address, uint64_t value) { std::memcpy(place(address, 8), &value, 8); }

  uint8_t code[Bytes] = {}, stack[Bytes] = {};
};

constexpr uint32_t Call = 0x73;  // ecall: where a search ends that is about one instruction
constexpr uint64_t A = 0x8123456789abcdefu, B = 0xfffffffffffffff3u;

// x5 and x8 are A, x6 and x9 are B, x2 and x10 point to the stack's words.
StartState after(uint32_t instruction, Program* memory = nullptr) {
  Program own({instruction, Call});
  Program& program = memory ? *memory : own;
  StartState state;
  state.pc = Code;
  state.x[5] = state.x[8] = A;
  state.x[6] = state.x[9] = B;
  state.x[2] = state.x[10] = Stack;
  MainSearch found = find_main(state, program, 1, Stack + 8);
  cr_assert(found.why == NoMain::Call, "%08x: %s at %lx", instruction, in_words(found.why), found.at);
  return state;
}

uint64_t word32(uint64_t value) { return uint64_t(int64_t(int32_t(value))); }

MainSearch search(Program& program, StartState& state, uint64_t argc = 3) {
  program.set_word(Stack, argc);
  state.pc = Code;
  state.x[2] = Stack;
  return find_main(state, program, argc, Stack + 8);
}

}  // namespace

Test(find_main, every_instruction_does_what_the_specification_says) {
  const std::map<uint32_t, uint64_t> x7 = {
      {0x006283b3, A + B}, {0x406283b3, A - B}, {0x006293b3, A << (B & 63)}, {0x0062a3b3, 1}, {0x0062b3b3, 1}, {0x0062c3b3, A ^ B},
      {0x0062d3b3, A >> (B & 63)}, {0x4062d3b3, uint64_t(int64_t(A) >> (B & 63))}, {0x0062e3b3, A | B}, {0x0062f3b3, A & B},
      {0x006283bb, word32(A + B)}, {0x406283bb, word32(A - B)}, {0x006293bb, word32(A << (B & 31))}, {0x0062d3bb, word32(uint32_t(A) >> (B & 31))},
      {0x4062d3bb, uint64_t(int64_t(int32_t(A)) >> (B & 31))}, {0x026283b3, A * B}, {0x026283bb, word32(A * B)},
      {0x0262c3b3, uint64_t(int64_t(A) / int64_t(B))}, {0x0262d3b3, A / B}, {0x0262e3b3, uint64_t(int64_t(A) % int64_t(B))}, {0x0262f3b3, A % B},
      {0xffb28393, A - 5}, {0xffb2a393, 1}, {0xffb2b393, 1}, {0xffb2c393, A ^ uint64_t(-5)}, {0x07f2e393, A | 0x7f}, {0xff02f393, A & uint64_t(-16)},
      {0x02129393, A << 33}, {0x0212d393, A >> 33}, {0x4212d393, uint64_t(int64_t(A) >> 33)}, {0xffb2839b, word32(A - 5)},
      {0x0072939b, word32(A << 7)}, {0x0072d39b, word32(uint32_t(A) >> 7)}, {0x4072d39b, uint64_t(int64_t(int32_t(A)) >> 7)},
      {0x800013b7, 0xffffffff80001000u}, {0x00000397, Code},  // lui, auipc
  };
  for (auto [instruction, value] : x7) cr_expect_eq(after(instruction).x[7], value, "%08x", instruction);
  const std::map<uint32_t, uint64_t> x8 = {
      {0x146d, A - 5}, {0x346d, word32(A - 5)}, {0x546d, uint64_t(-5)}, {0x747d, 0xfffffffffffff000u}, {0x9005, A >> 33},
      {0x9405, uint64_t(int64_t(A) >> 33)}, {0x9841, A & uint64_t(-16)}, {0x8c05, A - B}, {0x8c25, A ^ B}, {0x8c45, A | B}, {0x8c65, A & B},
      {0x9c05, word32(A - B)}, {0x9c25, word32(A + B)}, {0x1406, A << 33}, {0x9426, A + B}, {0x8426, B}, {0x0820, Stack + 24},
  };
  for (auto [instruction, value] : x8) cr_expect_eq(after(instruction).x[8], value, "%04x", instruction);
  cr_expect_eq(after(0x7139).x[2], Stack - 64);  // c.addi16sp
  cr_expect_eq(after(0x00000013 | 5 << 15).x[0], 0u);  // addi x0, x5, 0
}

Test(find_main, loads_and_stores_reach_the_programs_memory) {
  const std::map<uint32_t, uint64_t> loads = {
      {0x6442, 0x8887868584838281u}, {0x4452, 0xffffffff88878685u}, {0x6500, 0x7877767574737271u}, {0x4140, 0x0000000018171615u},
      {0x00150403, 0x12}, {0x00154403, 0x12}, {0x00251403, 0x1413}, {0x00255403, 0x1413}, {0x00456403, 0x18171615},
  };
  for (auto [instruction, value] : loads) {
    Program program({instruction, Call});
    program.set_word(Stack, 0x1817161514131211u);
    program.set_word(Stack + 8, 0x7877767574737271u);
    program.set_word(Stack + 16, 0x8887868584838281u);
    cr_expect_eq(after(instruction, &program).x[8], value, "%08x", instruction);
  }
  const std::map<uint32_t, std::pair<uint64_t, uint64_t>> stores = {
      {0xe826, {Stack + 16, B}}, {0xca26, {Stack + 16, B << 32}}, {0xe504, {Stack + 8, B}}, {0xc144, {Stack, B << 32}},
      {0x009500a3, {Stack, (B & 0xff) << 8}}, {0x00951123, {Stack, (B & 0xffff) << 16}},
  };
  for (auto [instruction, written] : stores) {
    Program program({instruction, Call});
    after(instruction, &program);
    cr_expect_eq(program.word(written.first), written.second, "%08x", instruction);
  }
}

Test(find_main, musls_start_up_code_hands_main_over_in_its_tail_call) {
  Program program({
      0x00007197, 0x51c18193,              // la gp
      0x850a, 0xff017113, 0xa009,          // mv a0, sp; andi sp, sp, -16; j _start_c
      0x410c,                              // lw a1, 0(a0)
      0x00000797, 0x10078793,              // la a5, main
      0x00850613, 0x853e, 0x4781, 0xac49,  // addi a2, a0, 8; mv a0, a5; li a5, 0; j __libc_start_main
  });
  StartState state;
  auto found = search(program, state);
  cr_expect(found.why == NoMain::None, "%s", in_words(found.why));
  cr_expect_eq(found.main, Code + 18 + 0x100);
  cr_expect_eq(state.pc, Code + 34u, "before the jump: %lx", state.pc);
  cr_expect_eq(state.x[2], Stack);
}

Test(find_main, glibcs_start_up_code_hands_main_over_in_a_call_after_one_that_does_not) {
  Program program({
      0x022000ef, 0x87aa, 0x00000517, 0x10050513,          // jal load_gp; mv a5, a0; la a0, main
      0x6582, 0x0030, 0xff017113, 0x4681, 0x4701, 0x880a,  // ld a1, 0(sp); addi a2, sp, 8; andi sp; li a3, 0; li a4, 0; mv a6, sp
      0x164000ef, 0x9002,                                  // jal __libc_start_main; ebreak
      0x0001, 0x00067197, 0x5f218193, 0x8082,              // load_gp, at 0x22
  });
  StartState state;
  state.x[10] = 0x999;  // what a dynamic loader leaves: rtld_fini
  auto found = search(program, state);
  cr_expect(found.why == NoMain::None, "%s at %lx", in_words(found.why), found.at);
  cr_expect_eq(found.main, Code + 6 + 0x100);
  cr_expect_eq(state.x[15], 0x999u);
}

Test(find_main, a_register_that_was_executable_before_is_not_main) {
  Program program({0x00012583, 0x00810613, 0x0000006f});  // lw a1, 0(sp); addi a2, sp, 8; j .
  StartState state;
  state.x[10] = Code + 64;
  cr_expect(search(program, state).why == NoMain::TooLong);
}

Test(find_main, what_start_up_code_does_not_do_ends_the_search_where_it_stands) {
  struct { uint32_t instruction; NoMain why; } cases[] = {
      {0x00000073, NoMain::Call}, {0x00100073, NoMain::Call}, {0x9002, NoMain::Call},  // ecall, ebreak
      {0x00000000, NoMain::Instruction}, {0x0002b2af, NoMain::Instruction},             // zeros, amoadd.d
      {0x00053007, NoMain::Instruction}, {0x2108, NoMain::Instruction},                 // fld
      {0x00003283, NoMain::Memory}, {0x00503023, NoMain::Memory},                       // ld, sd at 0
      {0x00000067, NoMain::Memory},                                                     // jr to 0
      {0x0000006f, NoMain::TooLong},                                                    // j .
  };
  for (auto& c : cases) {
    Program program({c.instruction});
    StartState state;
    auto found = search(program, state);
    cr_expect(found.why == c.why && found.main == 0, "%08x: %s", c.instruction, in_words(found.why));
  }
}

Test(find_main, a_program_that_patches_itself_is_followed_as_patched) {
  // The stack is executable here: a store to the line that is being read is seen.
  class Everywhere final : public StartMemory {
   public:
    explicit Everywhere(Program& p) : program(p) {}
    ErrorOr<void> read(uint64_t a, void* to, size_t n) override { return program.read(a, to, n); }
    ErrorOr<void> write(uint64_t a, const void* from, size_t n) override { return program.write(a, from, n); }
    bool executable(uint64_t) override { return true; }
    Program& program;
  } memory{*new Program({})};
  const uint32_t code[] = {0x0072a623, 0x00000013, 0x00000013, 0x0000006f};  // sw x7, 12(x5); nop; nop; j .
  std::memcpy(memory.program.stack + 64, code, sizeof code);
  StartState state;
  state.pc = state.x[5] = Stack + 64;
  state.x[7] = Call;
  cr_expect(find_main(state, memory, 1, 8).why == NoMain::Call);
  delete &memory.program;
}
