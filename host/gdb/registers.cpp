// SPDX-License-Identifier: BSD-2-Clause
#include "gdb/registers.h"

#include <array>
#include <cstring>

#include "gdb/packet.h"

namespace pl::gdb {
namespace {

constexpr unsigned kPc = 32, kFloat = 33, kFlags = 65, kRounding = 66;  // fcsr is the last
constexpr uint64_t kFlagsMask = 0x1f, kRoundingMask = 7, kControlMask = 0xff;
constexpr unsigned kRoundingShift = 5;  // frm is bits 7:5 of fcsr (unprivileged specification, 11.2)

size_t size_of(uint64_t number) { return number >= kFlags ? 4 : 8; }

uint64_t value_of(const pl_debug_registers& r, uint64_t number) {
  if (number == 0) return 0;
  if (number == kPc) return r.x[0];
  if (number < kPc) return r.x[number];
  if (number < kFlags) return r.f[number - kFloat];
  if (number == kFlags) return r.fcsr & kFlagsMask;
  if (number == kRounding) return r.fcsr >> kRoundingShift & kRoundingMask;
  return r.fcsr & kControlMask;
}

void set_value(pl_debug_registers& r, uint64_t number, uint64_t value) {
  if (number == 0) return;
  if (number == kPc) r.x[0] = value;
  else if (number < kPc) r.x[number] = value;
  else if (number < kFlags) r.f[number - kFloat] = value;
  else if (number == kFlags) r.fcsr = (r.fcsr & ~kFlagsMask) | (value & kFlagsMask);
  else if (number == kRounding) r.fcsr = (r.fcsr & ~(kRoundingMask << kRoundingShift)) | (value & kRoundingMask) << kRoundingShift;
  else r.fcsr = value & kControlMask;
}

// By Linux's number (asm-generic/signal.h): GDB's. From 32 on there is a rule.
constexpr std::array<uint8_t, 32> kGdbNumber = {0, 1, 2, 3, 4, 5, 6, 10, 8, 9, 30, 11, 31, 13, 14, 15, 0,
                                                20, 19, 17, 18, 21, 22, 16, 24, 25, 26, 27, 28, 23, 32, 12};

}  // namespace

const std::string_view kTargetDescription = R"(<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0"><architecture>riscv:rv64</architecture><osabi>GNU/Linux</osabi>
<feature name="org.gnu.gdb.riscv.cpu">
<reg name="zero" bitsize="64" type="int" regnum="0"/><reg name="ra" bitsize="64" type="code_ptr"/>
<reg name="sp" bitsize="64" type="data_ptr"/><reg name="gp" bitsize="64" type="data_ptr"/><reg name="tp" bitsize="64" type="data_ptr"/>
<reg name="t0" bitsize="64" type="int"/><reg name="t1" bitsize="64" type="int"/><reg name="t2" bitsize="64" type="int"/>
<reg name="fp" bitsize="64" type="data_ptr"/><reg name="s1" bitsize="64" type="int"/>
<reg name="a0" bitsize="64" type="int"/><reg name="a1" bitsize="64" type="int"/><reg name="a2" bitsize="64" type="int"/>
<reg name="a3" bitsize="64" type="int"/><reg name="a4" bitsize="64" type="int"/><reg name="a5" bitsize="64" type="int"/>
<reg name="a6" bitsize="64" type="int"/><reg name="a7" bitsize="64" type="int"/>
<reg name="s2" bitsize="64" type="int"/><reg name="s3" bitsize="64" type="int"/><reg name="s4" bitsize="64" type="int"/>
<reg name="s5" bitsize="64" type="int"/><reg name="s6" bitsize="64" type="int"/><reg name="s7" bitsize="64" type="int"/>
<reg name="s8" bitsize="64" type="int"/><reg name="s9" bitsize="64" type="int"/><reg name="s10" bitsize="64" type="int"/>
<reg name="s11" bitsize="64" type="int"/>
<reg name="t3" bitsize="64" type="int"/><reg name="t4" bitsize="64" type="int"/><reg name="t5" bitsize="64" type="int"/>
<reg name="t6" bitsize="64" type="int"/><reg name="pc" bitsize="64" type="code_ptr" regnum="32"/>
</feature>
<feature name="org.gnu.gdb.riscv.fpu">
<reg name="ft0" bitsize="64" type="ieee_double" regnum="33"/><reg name="ft1" bitsize="64" type="ieee_double"/>
<reg name="ft2" bitsize="64" type="ieee_double"/><reg name="ft3" bitsize="64" type="ieee_double"/>
<reg name="ft4" bitsize="64" type="ieee_double"/><reg name="ft5" bitsize="64" type="ieee_double"/>
<reg name="ft6" bitsize="64" type="ieee_double"/><reg name="ft7" bitsize="64" type="ieee_double"/>
<reg name="fs0" bitsize="64" type="ieee_double"/><reg name="fs1" bitsize="64" type="ieee_double"/>
<reg name="fa0" bitsize="64" type="ieee_double"/><reg name="fa1" bitsize="64" type="ieee_double"/>
<reg name="fa2" bitsize="64" type="ieee_double"/><reg name="fa3" bitsize="64" type="ieee_double"/>
<reg name="fa4" bitsize="64" type="ieee_double"/><reg name="fa5" bitsize="64" type="ieee_double"/>
<reg name="fa6" bitsize="64" type="ieee_double"/><reg name="fa7" bitsize="64" type="ieee_double"/>
<reg name="fs2" bitsize="64" type="ieee_double"/><reg name="fs3" bitsize="64" type="ieee_double"/>
<reg name="fs4" bitsize="64" type="ieee_double"/><reg name="fs5" bitsize="64" type="ieee_double"/>
<reg name="fs6" bitsize="64" type="ieee_double"/><reg name="fs7" bitsize="64" type="ieee_double"/>
<reg name="fs8" bitsize="64" type="ieee_double"/><reg name="fs9" bitsize="64" type="ieee_double"/>
<reg name="fs10" bitsize="64" type="ieee_double"/><reg name="fs11" bitsize="64" type="ieee_double"/>
<reg name="ft8" bitsize="64" type="ieee_double"/><reg name="ft9" bitsize="64" type="ieee_double"/>
<reg name="ft10" bitsize="64" type="ieee_double"/><reg name="ft11" bitsize="64" type="ieee_double"/>
<reg name="fflags" bitsize="32" type="int" regnum="65"/><reg name="frm" bitsize="32" type="int"/><reg name="fcsr" bitsize="32" type="int"/>
</feature>
</target>
)";

std::optional<std::string> one_register(const pl_debug_registers& registers, uint64_t number) {
  if (number >= kRegisterCount) return std::nullopt;
  const uint64_t value = value_of(registers, number);
  return to_hex(std::as_bytes(std::span(&value, 1)).first(size_of(number)));
}

bool set_one_register(pl_debug_registers& registers, uint64_t number, std::span<const std::byte> bytes) {
  if (number >= kRegisterCount || bytes.size() != size_of(number)) return false;
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  set_value(registers, number, value);
  return true;
}

std::string all_registers(const pl_debug_registers& registers) {
  std::string text;
  for (unsigned number = 0; number < kRegisterCount; ++number) text += *one_register(registers, number);
  return text;
}

bool set_all_registers(pl_debug_registers& registers, std::span<const std::byte> bytes) {
  for (unsigned number = 0; number < kRegisterCount; ++number) {
    const size_t size = size_of(number);
    if (bytes.size() < size || !set_one_register(registers, number, bytes.first(size))) return false;
    bytes = bytes.subspan(size);
  }
  return bytes.empty();
}

int signal_to_gdb(int number) {
  if (number >= 0 && number < 32) return kGdbNumber[static_cast<size_t>(number)];
  if (number == 32) return 77;
  if (number == 64) return 78;
  return number > 32 && number < 64 ? number + 12 : 0;
}

int signal_from_gdb(uint64_t number) {
  if (!number) return 0;
  for (int linux_number = 1; linux_number <= 64; ++linux_number)
    if (static_cast<uint64_t>(signal_to_gdb(linux_number)) == number) return linux_number;
  return 0;
}

}  // namespace pl::gdb
