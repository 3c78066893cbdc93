// SPDX-License-Identifier: BSD-2-Clause
#include "debug/unwind.h"

#include <cstring>
#include <exception>

// libunwind's own parts, which read call frame information through any address space. What it would abort for is a failed step here.
#define _LIBUNWIND_REMEMBER_HEAP_ALLOC 1
#include <config.h>
#undef _LIBUNWIND_ABORT
#define _LIBUNWIND_ABORT(message) throw pl::UnreadableFrame()

namespace pl {
namespace {

class UnreadableFrame : public std::exception {};

}  // namespace
}  // namespace pl

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <DwarfParser.hpp>
#include <EHHeaderParser.hpp>
#pragma GCC diagnostic pop

namespace pl {
namespace {

constexpr unsigned kRa = 1, kSp = 2, kS0 = 8;
constexpr unsigned kReadsMost = 20'000;  // of one step: what takes more is no frame of a program
constexpr uint8_t kTableEncoding = 0x3b;  // DW_EH_PE_datarel | DW_EH_PE_sdata4, which every linker writes

// As libunwind's templates want it. Memory that cannot be read ends the step.
class FrameMemory {
 public:
  using pint_t = uint64_t;
  using sint_t = int64_t;
  explicit FrameMemory(DebuggeeMemory& memory) : memory_(memory) {}

  uint8_t get8(pint_t at) { return get<uint8_t>(at); }
  uint16_t get16(pint_t at) { return get<uint16_t>(at); }
  uint32_t get32(pint_t at) { return get<uint32_t>(at); }
  uint64_t get64(pint_t at) { return get<uint64_t>(at); }
  pint_t getP(pint_t at) { return get64(at); }

  uint64_t getULEB128(pint_t& at, pint_t end) {
    uint64_t value = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
      const uint8_t byte = get8(at++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    throw UnreadableFrame();
  }
  int64_t getSLEB128(pint_t& at, pint_t end) {
    uint64_t value = 0;
    for (unsigned shift = 0; at < end && shift < 64;) {
      const uint8_t byte = get8(at++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      shift += 7;
      if (byte & 0x80) continue;
      if (byte & 0x40 && shift < 64) value |= ~uint64_t{0} << shift;
      return static_cast<int64_t>(value);
    }
    throw UnreadableFrame();
  }
  pint_t getEncodedP(pint_t& at, pint_t end, uint8_t encoding, pint_t data_base = 0) {
    const pint_t start = at;
    uint64_t value = 0;
    switch (encoding & 0x0f) {
      case DW_EH_PE_ptr:
      case DW_EH_PE_udata8:
      case DW_EH_PE_sdata8: value = get64(at), at += 8; break;
      case DW_EH_PE_uleb128: value = getULEB128(at, end); break;
      case DW_EH_PE_sleb128: value = static_cast<uint64_t>(getSLEB128(at, end)); break;
      case DW_EH_PE_udata2: value = get16(at), at += 2; break;
      case DW_EH_PE_sdata2: value = static_cast<uint64_t>(static_cast<int16_t>(get16(at))), at += 2; break;
      case DW_EH_PE_udata4: value = get32(at), at += 4; break;
      case DW_EH_PE_sdata4: value = static_cast<uint64_t>(static_cast<int32_t>(get32(at))), at += 4; break;
      default: throw UnreadableFrame();
    }
    switch (encoding & 0x70) {
      case DW_EH_PE_absptr: break;
      case DW_EH_PE_pcrel: value += start; break;
      case DW_EH_PE_datarel: value += data_base; break;
      default: throw UnreadableFrame();
    }
    return encoding & DW_EH_PE_indirect ? getP(value) : value;
  }

 private:
  template <class T>
  T get(pint_t at) {
    if (++reads_ > kReadsMost) throw UnreadableFrame();
    const auto value = memory_.get<T>(at);
    if (!value) throw UnreadableFrame();
    return *value;
  }

  DebuggeeMemory& memory_;
  unsigned reads_ = 0;
};

using Parser = libunwind::CFI_Parser<FrameMemory>;

// Where the stack pointer of the caller is, of the rules for this place.
uint64_t canonical_frame_address(const Parser::PrologInfo& rules, const UnwindFrame& frame) {
  // An expression is for places that no compiler writes by itself.
  if (rules.cfaExpression || rules.cfaRegister == 0 || rules.cfaRegister >= frame.x.size()) throw UnreadableFrame();
  return frame.x[rules.cfaRegister] + static_cast<uint64_t>(static_cast<int64_t>(rules.cfaRegisterOffset));
}

}  // namespace

bool Unwinder::step(UnwindFrame& frame) {
  const UnwindFrame before = frame;
  if (step_out_of_signal(frame)) return true;
  const uint64_t place = frame.place();
  const MappedObject* object = objects_.at(place);
  bool found = false;
  if (object) {
    found = object->unwind_table_size && step_by_table(frame, *object, place);
    if (!found) found = step_by_prologue(frame = before, *object, place);
  } else if (frame.interrupted) {
    // A call into nowhere: nothing has happened since.
    frame.pc = frame.x[kRa];
    found = true;
  }
  frame.interrupted = false;
  // A caller's frame is never below its callee's.
  return found && frame.pc && frame.x[kSp] >= before.x[kSp] && (frame.pc != before.pc || frame.x[kSp] != before.x[kSp]);
}

// The kernel's frame below a handler (struct rt_sigframe of riscv64), which its return address, the vDSO's `li a7, 139; ecall`, tells of.
bool Unwinder::step_out_of_signal(UnwindFrame& frame) {
  constexpr uint64_t kTrampoline = 0x00000073'08b00893, kRegisters = 304;
  if (frame.interrupted || memory_.get<uint64_t>(frame.pc) != kTrampoline) return false;
  std::array<uint64_t, 32> saved;
  if (!memory_.read(frame.x[kSp] + kRegisters, std::as_writable_bytes(std::span(saved)))) return false;
  frame.x = saved;
  frame.pc = saved[0];
  frame.x[0] = 0;
  frame.interrupted = true;
  return true;
}

bool Unwinder::step_by_table(UnwindFrame& frame, const MappedObject& object, uint64_t place) {
  try {
    FrameMemory memory(memory_);
    if (memory.get8(object.unwind_table + 3) != kTableEncoding || object.unwind_table_size > UINT32_MAX) return false;
    Parser::FDE_Info description;
    Parser::CIE_Info common;
    if (!libunwind::EHHeaderParser<FrameMemory>::findFDE(memory, place, object.unwind_table, static_cast<uint32_t>(object.unwind_table_size),
                                                         &description, &common))
      return false;
    Parser::PrologInfo rules;
    // The rules hold once the instructions up to a place are executed: one more, where that is the next to be.
    if (!Parser::parseFDEInstructions(memory, description, common, place + (frame.interrupted ? 1 : 0), 0, &rules)) return false;
    if (common.returnAddressRegister >= frame.x.size()) return false;
    const uint64_t cfa = canonical_frame_address(rules, frame);
    UnwindFrame caller = frame;
    for (unsigned number = 1; number < frame.x.size(); ++number) {
      const auto& saved = rules.savedRegisters[number];
      switch (saved.location) {
        case Parser::kRegisterInCFA: caller.x[number] = memory.get64(cfa + static_cast<uint64_t>(saved.value)); break;
        case Parser::kRegisterOffsetFromCFA: caller.x[number] = cfa + static_cast<uint64_t>(saved.value); break;
        case Parser::kRegisterInRegister:
          if (static_cast<uint64_t>(saved.value) < frame.x.size()) caller.x[number] = frame.x[static_cast<size_t>(saved.value)];
          break;
        case Parser::kRegisterUndefined:
          if (number == common.returnAddressRegister) return false;  // the outermost
          break;
        default: break;
      }
    }
    caller.x[kSp] = cfa;
    caller.pc = caller.x[common.returnAddressRegister];
    frame = caller;
    return true;
  } catch (const UnreadableFrame&) {
    return false;
  }
}

// A function without call frame information (libc's, in assembly) says with its first instructions how large its frame is and where in
// it ra and s0 are: those up to the place, or to the first jump.
bool Unwinder::step_by_prologue(UnwindFrame& frame, const MappedObject& object, uint64_t place) {
  const FunctionSymbol* function = object.function_at(place);
  if (!function) {
    // Nothing is known of it; where it has called nobody yet, the return address is still in its register.
    if (!frame.interrupted) return false;
    frame.pc = frame.x[kRa];
    return true;
  }
  constexpr unsigned kInstructionsMost = 64;
  uint64_t at = function->address + object.bias;
  int64_t size = 0;
  std::optional<int64_t> ra, s0;
  auto stored = [&](unsigned number, int64_t offset) {
    if (number == kRa && !ra) ra = offset - size;
    if (number == kS0 && !s0) s0 = offset - size;
  };
  for (unsigned count = 0; count < kInstructionsMost && at < (frame.interrupted ? place : place + 1); ++count) {
    const auto low = memory_.get<uint16_t>(at);
    if (!low) return false;
    const uint32_t half = *low;
    if ((half & 3) == 3) {
      const uint32_t word = memory_.get<uint32_t>(at).value_or(0);
      at += 4;
      const auto immediate = static_cast<int32_t>(word) >> 20;
      const int32_t store = (static_cast<int32_t>(word) >> 25) * 32 + static_cast<int32_t>(word >> 7 & 31);
      if ((word & 0xfffff) == 0x10113 && immediate < 0) size -= immediate;                            // addi sp, sp, -size
      else if ((word & 0xff07f) == 0x13023) stored(word >> 20 & 31, store);                           // sd rs2, offset(sp)
      else if ((word & 0x7f) == 0x63 || (word & 0x7f) == 0x6f || (word & 0x7f) == 0x67) break;        // branch, jal, jalr
      continue;
    }
    at += 2;
    if ((half & 0xef83) == 0x6101) {  // c.addi16sp
      int32_t value = static_cast<int32_t>((half >> 12 & 1) << 9 | (half >> 3 & 3) << 7 | (half >> 5 & 1) << 6 | (half >> 2 & 1) << 5 | (half >> 6 & 1) << 4);
      if (value & 0x200) value -= 0x400;
      if (value < 0) size -= value;
    } else if ((half & 0xef83) == 0x0101) {  // c.addi sp
      int32_t value = static_cast<int32_t>((half >> 12 & 1) << 5 | (half >> 2 & 31));
      if (value & 0x20) value -= 0x40;
      if (value < 0) size -= value;
    } else if ((half & 0xe003) == 0xe002) {  // c.sdsp
      stored(half >> 2 & 31, static_cast<int64_t>((half >> 10 & 7) << 3 | (half >> 7 & 7) << 6));
    } else if ((half & 0xe003) == 0xa001 || (half & 0xc003) == 0xc001 || (half & 0xe07f) == 0x8002) {  // c.j, c.beqz, c.bnez, c.jr
      break;
    }
  }
  if (!ra && !frame.interrupted) return false;
  const uint64_t cfa = frame.x[kSp] + static_cast<uint64_t>(size);
  if (ra) {
    const auto value = memory_.get<uint64_t>(cfa + static_cast<uint64_t>(*ra));
    if (!value) return false;
    frame.x[kRa] = *value;
  }
  if (s0)
    if (const auto value = memory_.get<uint64_t>(cfa + static_cast<uint64_t>(*s0))) frame.x[kS0] = *value;
  frame.x[kSp] = cfa;
  frame.pc = frame.x[kRa];
  return true;
}

}  // namespace pl
