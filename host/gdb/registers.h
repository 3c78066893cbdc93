// SPDX-License-Identifier: BSD-2-Clause
// A thread's registers as GDB numbers them: its target description for riscv64 says which, and how wide each is.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penglai/ocall.h"

namespace pl::gdb {

extern const std::string_view kTargetDescription;

constexpr unsigned kRegisterCount = 68;  // x0 to x31, pc, f0 to f31, fflags, frm, fcsr

std::string all_registers(const pl_debug_registers& registers);  // 'g'
bool set_all_registers(pl_debug_registers& registers, std::span<const std::byte> bytes);
std::optional<std::string> one_register(const pl_debug_registers& registers, uint64_t number);  // hexadecimal
bool set_one_register(pl_debug_registers& registers, uint64_t number, std::span<const std::byte> bytes);

// Signals have numbers of GDB's own on the wire (include/gdb/signals.def of GDB); 0 for one that the other side does not have.
int signal_to_gdb(int number);
int signal_from_gdb(uint64_t number);

}  // namespace pl::gdb
