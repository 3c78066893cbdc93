// SPDX-License-Identifier: BSD-2-Clause
// RV64IMC, as far as start-up code goes: no atomics, no floating point, no system call. What is not known ends the search.
#include "shadow/find_main.h"

namespace pl::shadow {
namespace {

// A program of 100,000 relative relocations, a dozen instructions each.
constexpr uint64_t MaxSteps = 2'000'000;

constexpr unsigned Ra = 1, Sp = 2, A0 = 10, A1 = 11, A2 = 12;

constexpr uint64_t sign_extend(uint64_t value, unsigned bits) {
  uint64_t sign = uint64_t(1) << (bits - 1);
  return ((value & ((sign << 1) - 1)) ^ sign) - sign;
}

// Bits [high:low] of an instruction, moved to `to`.
constexpr uint64_t field(uint32_t i, unsigned high, unsigned low, unsigned to = 0) {
  return uint64_t(i >> low & ((uint32_t(2) << (high - low)) - 1)) << to;
}

enum class Step : uint8_t { Next, Main, Unknown, Fault, System };

class Walk {
 public:
  Walk(StartState& state, StartMemory& memory, uint64_t argc, uint64_t argv)
      : s_(state), memory_(memory), argc_(argc), argv_(argv), first_a0_(state.x[A0]) {}

  Step step() {
    uint32_t i = 0;
    if (!fetch(s_.pc, 2, &i)) return Step::Fault;
    if ((i & 3) != 3) return compressed(i & 0xffff);
    if (!fetch(s_.pc + 2, 2, reinterpret_cast<char*>(&i) + 2)) return Step::Fault;
    return full(i);
  }

 private:
  // A line at a time: reading a program's memory costs more than an instruction does.
  bool fetch(uint64_t at, size_t bytes, void* to) {
    uint64_t line = at & ~uint64_t(sizeof line_ - 1);
    if (line != line_at_) {
      line_at_ = ~uint64_t(0);
      if (!memory_.executable(at) || !memory_.read(line, line_, sizeof line_)) return false;
      line_at_ = line;
    }
    __builtin_memcpy(to, line_ + (at - line), bytes);
    return true;
  }

  void set(unsigned rd, uint64_t value) { if (rd) s_.x[rd] = value; }
  Step next(unsigned bytes) {
    s_.pc += bytes;
    return Step::Next;
  }
  Step put(unsigned rd, uint64_t value, unsigned bytes) {
    set(rd, value);
    return next(bytes);
  }

  // A jump or call: the place where main is handed over, perhaps.
  Step jump(unsigned rd, uint64_t target, unsigned bytes) {
    if (s_.x[A1] == argc_ && s_.x[A2] == argv_ && s_.x[A0] != first_a0_ && memory_.executable(s_.x[A0])) return Step::Main;
    set(rd, s_.pc + bytes);
    s_.pc = target;
    return Step::Next;
  }

  Step load(unsigned rd, uint64_t at, unsigned kind) {  // funct3 of LOAD
    unsigned bytes = 1u << (kind & 3);
    if (kind == 7) return Step::Unknown;
    uint64_t value = 0;
    if (!memory_.read(at, &value, bytes)) return Step::Fault;
    set(rd, kind & 4 || bytes == 8 ? value : sign_extend(value, bytes * 8));
    return Step::Next;
  }
  Step store(uint64_t at, uint64_t value, unsigned bytes) {
    if (at < line_at_ + sizeof line_ && at + bytes > line_at_) line_at_ = ~uint64_t(0);
    return memory_.write(at, &value, bytes) ? Step::Next : Step::Fault;
  }
  Step then(Step done, unsigned bytes) { return done == Step::Next ? next(bytes) : done; }

  static uint64_t shifted(uint64_t a, unsigned kind, unsigned by) {  // SLL 1, SRL 5, SRA 13 (funct3 | bit 30 << 3)
    return kind == 1 ? a << by : kind == 5 ? a >> by : uint64_t(int64_t(a) >> by);
  }
  static bool taken(unsigned kind, uint64_t a, uint64_t b, bool& known) {
    switch (kind) {
      case 0: return a == b;
      case 1: return a != b;
      case 4: return int64_t(a) < int64_t(b);
      case 5: return int64_t(a) >= int64_t(b);
      case 6: return a < b;
      case 7: return a >= b;
      default: known = false; return false;
    }
  }

  Step arithmetic(unsigned rd, uint64_t a, uint64_t b, unsigned kind, bool alternative, bool immediate);
  Step word_arithmetic(unsigned rd, uint32_t a, uint32_t b, unsigned kind, bool alternative);
  Step multiply(unsigned rd, uint64_t a, uint64_t b, unsigned kind);
  Step full(uint32_t i);
  Step compressed(uint32_t i);

  StartState& s_;
  StartMemory& memory_;
  uint64_t argc_, argv_, first_a0_;
  uint64_t line_at_ = ~uint64_t(0);
  char line_[64];
};

Step Walk::arithmetic(unsigned rd, uint64_t a, uint64_t b, unsigned kind, bool alternative, bool immediate) {
  switch (kind) {
    case 0: return put(rd, alternative && !immediate ? a - b : a + b, 4);
    case 1: return put(rd, a << (b & 63), 4);
    case 2: return put(rd, int64_t(a) < int64_t(b), 4);
    case 3: return put(rd, a < b, 4);
    case 4: return put(rd, a ^ b, 4);
    case 5: return put(rd, shifted(a, alternative ? 13 : 5, b & 63), 4);
    case 6: return put(rd, a | b, 4);
    default: return put(rd, a & b, 4);
  }
}

Step Walk::word_arithmetic(unsigned rd, uint32_t a, uint32_t b, unsigned kind, bool alternative) {
  switch (kind) {
    case 0: return put(rd, sign_extend(alternative ? a - b : a + b, 32), 4);
    case 1: return put(rd, sign_extend(a << (b & 31), 32), 4);
    case 5: return put(rd, sign_extend(alternative ? uint32_t(int32_t(a) >> (b & 31)) : a >> (b & 31), 32), 4);
    default: return Step::Unknown;
  }
}

// M, without the upper halves: MUL, DIV, DIVU, REM, REMU; by zero as the unprivileged specification says (table 11).
Step Walk::multiply(unsigned rd, uint64_t a, uint64_t b, unsigned kind) {
  bool overflow = a == uint64_t(1) << 63 && b == ~uint64_t(0);
  switch (kind) {
    case 0: return put(rd, a * b, 4);
    case 4: return put(rd, !b ? ~uint64_t(0) : overflow ? a : uint64_t(int64_t(a) / int64_t(b)), 4);
    case 5: return put(rd, !b ? ~uint64_t(0) : a / b, 4);
    case 6: return put(rd, !b ? a : overflow ? 0 : uint64_t(int64_t(a) % int64_t(b)), 4);
    case 7: return put(rd, !b ? a : a % b, 4);
    default: return Step::Unknown;
  }
}

Step Walk::full(uint32_t i) {
  const unsigned rd = unsigned(field(i, 11, 7)), kind = unsigned(field(i, 14, 12)), upper = unsigned(field(i, 31, 25));
  const uint64_t a = s_.x[field(i, 19, 15)], b = s_.x[field(i, 24, 20)];
  const uint64_t immediate = sign_extend(field(i, 31, 20), 12);
  switch (i & 0x7f) {
    case 0x37: return put(rd, sign_extend(i & 0xfffff000u, 32), 4);          // LUI
    case 0x17: return put(rd, s_.pc + sign_extend(i & 0xfffff000u, 32), 4);  // AUIPC
    case 0x6f:                                                               // JAL
      return jump(rd, s_.pc + sign_extend(field(i, 31, 31, 20) | field(i, 19, 12, 12) | field(i, 20, 20, 11) | field(i, 30, 21, 1), 21), 4);
    case 0x67: return kind ? Step::Unknown : jump(rd, (a + immediate) & ~uint64_t(1), 4);  // JALR
    case 0x63: {                                                                           // branches
      bool known = true, go = taken(kind, a, b, known);
      if (!known) return Step::Unknown;
      if (!go) return next(4);
      s_.pc += sign_extend(field(i, 31, 31, 12) | field(i, 7, 7, 11) | field(i, 30, 25, 5) | field(i, 11, 8, 1), 13);
      return Step::Next;
    }
    case 0x03: return then(load(rd, a + immediate, kind), 4);
    case 0x23:
      if (kind > 3) return Step::Unknown;
      return then(store(a + sign_extend(field(i, 31, 25, 5) | field(i, 11, 7), 12), b, 1u << kind), 4);
    case 0x13:
      if (kind == 1 && upper >> 1) return Step::Unknown;
      if (kind == 5 && upper >> 1 & ~16u) return Step::Unknown;
      return arithmetic(rd, a, immediate, kind, kind == 5 && i >> 30 & 1, true);
    case 0x1b:
      if (kind == 1 && upper) return Step::Unknown;
      if (kind == 5 && upper & ~32u) return Step::Unknown;
      return word_arithmetic(rd, uint32_t(a), uint32_t(immediate), kind, kind == 5 && i >> 30 & 1);
    case 0x33:
      if (upper == 1) return multiply(rd, a, b, kind);
      if (upper & ~32u || (upper && kind != 0 && kind != 5)) return Step::Unknown;
      return arithmetic(rd, a, b, kind, upper != 0, false);
    case 0x3b:
      if (upper == 1 && kind == 0) return put(rd, sign_extend(uint32_t(a) * uint32_t(b), 32), 4);  // MULW
      if (upper & ~32u || (upper && kind != 0 && kind != 5)) return Step::Unknown;
      return word_arithmetic(rd, uint32_t(a), uint32_t(b), kind, upper != 0);
    case 0x0f: return next(4);  // FENCE
    case 0x73: return Step::System;
    default: return Step::Unknown;
  }
}

// The C extension (unprivileged specification, chapter 16), without floating point.
Step Walk::compressed(uint32_t i) {
  const unsigned kind = i >> 13 << 2 | (i & 3);
  const unsigned rd = unsigned(field(i, 11, 7)), rs2 = unsigned(field(i, 6, 2));
  const unsigned short_d = 8 + unsigned(field(i, 4, 2)), short_1 = 8 + unsigned(field(i, 9, 7));
  const uint64_t immediate = sign_extend(field(i, 12, 12, 5) | field(i, 6, 2), 6);
  const unsigned amount = unsigned(field(i, 12, 12, 5) | field(i, 6, 2));
  uint64_t* x = s_.x;
  switch (kind) {
    case 0: {  // C.ADDI4SPN
      uint64_t offset = field(i, 12, 11, 4) | field(i, 10, 7, 6) | field(i, 6, 6, 2) | field(i, 5, 5, 3);
      return offset ? put(short_d, x[Sp] + offset, 2) : Step::Unknown;
    }
    case 2 << 2: return then(load(short_d, x[short_1] + (field(i, 12, 10, 3) | field(i, 6, 6, 2) | field(i, 5, 5, 6)), 2), 2);
    case 3 << 2: return then(load(short_d, x[short_1] + (field(i, 12, 10, 3) | field(i, 6, 5, 6)), 3), 2);
    case 6 << 2: return then(store(x[short_1] + (field(i, 12, 10, 3) | field(i, 6, 6, 2) | field(i, 5, 5, 6)), x[short_d], 4), 2);
    case 7 << 2: return then(store(x[short_1] + (field(i, 12, 10, 3) | field(i, 6, 5, 6)), x[short_d], 8), 2);
    case 1: return put(rd, x[rd] + immediate, 2);                               // C.ADDI, C.NOP
    case 1 << 2 | 1: return rd ? put(rd, sign_extend(uint32_t(x[rd] + immediate), 32), 2) : Step::Unknown;  // C.ADDIW
    case 2 << 2 | 1: return put(rd, immediate, 2);                              // C.LI
    case 3 << 2 | 1:
      if (rd == Sp)                                                             // C.ADDI16SP
        return put(Sp, x[Sp] + sign_extend(field(i, 12, 12, 9) | field(i, 4, 3, 7) | field(i, 5, 5, 6) | field(i, 2, 2, 5) | field(i, 6, 6, 4), 10), 2);
      return put(rd, immediate << 12, 2);                                       // C.LUI
    case 4 << 2 | 1: {
      uint64_t& d = x[short_1];
      const uint64_t b = x[short_d];
      switch (field(i, 11, 10)) {
        case 0: d >>= amount; return next(2);
        case 1: d = uint64_t(int64_t(d) >> amount); return next(2);
        case 2: d &= immediate; return next(2);
        default: break;
      }
      switch (field(i, 12, 12, 2) | field(i, 6, 5)) {
        case 0: d -= b; return next(2);
        case 1: d ^= b; return next(2);
        case 2: d |= b; return next(2);
        case 3: d &= b; return next(2);
        case 4: d = sign_extend(uint32_t(d - b), 32); return next(2);
        case 5: d = sign_extend(uint32_t(d + b), 32); return next(2);
        default: return Step::Unknown;
      }
    }
    case 5 << 2 | 1:  // C.J
      return jump(0, s_.pc + sign_extend(field(i, 12, 12, 11) | field(i, 11, 11, 4) | field(i, 10, 9, 8) | field(i, 8, 8, 10) | field(i, 7, 7, 6) |
                                           field(i, 6, 6, 7) | field(i, 5, 3, 1) | field(i, 2, 2, 5), 12), 2);
    case 6 << 2 | 1:
    case 7 << 2 | 1: {  // C.BEQZ, C.BNEZ
      if ((x[short_1] == 0) != (kind == (6 << 2 | 1))) return next(2);
      s_.pc += sign_extend(field(i, 12, 12, 8) | field(i, 11, 10, 3) | field(i, 6, 5, 6) | field(i, 4, 3, 1) | field(i, 2, 2, 5), 9);
      return Step::Next;
    }
    case 2: return put(rd, x[rd] << amount, 2);  // C.SLLI
    case 2 << 2 | 2: return rd ? then(load(rd, x[Sp] + (field(i, 12, 12, 5) | field(i, 6, 4, 2) | field(i, 3, 2, 6)), 2), 2) : Step::Unknown;
    case 3 << 2 | 2: return rd ? then(load(rd, x[Sp] + (field(i, 12, 12, 5) | field(i, 6, 5, 3) | field(i, 4, 2, 6)), 3), 2) : Step::Unknown;
    case 4 << 2 | 2:
      if (rs2) return put(rd, (i >> 12 & 1 ? x[rd] : 0) + x[rs2], 2);  // C.ADD, C.MV
      if (!rd) return i >> 12 & 1 ? Step::System : Step::Unknown;      // C.EBREAK
      return jump(i >> 12 & 1 ? Ra : 0, x[rd] & ~uint64_t(1), 2);      // C.JALR, C.JR
    case 6 << 2 | 2: return then(store(x[Sp] + (field(i, 12, 9, 2) | field(i, 8, 7, 6)), x[rs2], 4), 2);
    case 7 << 2 | 2: return then(store(x[Sp] + (field(i, 12, 10, 3) | field(i, 9, 7, 6)), x[rs2], 8), 2);
    default: return Step::Unknown;
  }
}

}  // namespace

const char* in_words(NoMain why) {
  switch (why) {
    case NoMain::Instruction: return "an instruction that start-up code does not have";
    case NoMain::Memory: return "an access to memory that is not there";
    case NoMain::Call: return "a system call before main was handed over";
    case NoMain::TooLong: return "too long a way";
    default: return "found";
  }
}

MainSearch find_main(StartState& state, StartMemory& memory, uint64_t argc, uint64_t argv) {
  Walk walk(state, memory, argc, argv);
  for (uint64_t steps = 0; steps < MaxSteps; steps++) {
    switch (walk.step()) {
      case Step::Next: break;
      case Step::Main: return {state.x[A0], NoMain::None, state.pc};
      case Step::Unknown: return {0, NoMain::Instruction, state.pc};
      case Step::Fault: return {0, NoMain::Memory, state.pc};
      case Step::System: return {0, NoMain::Call, state.pc};
    }
  }
  return {0, NoMain::TooLong, state.pc};
}

}  // namespace pl::shadow
