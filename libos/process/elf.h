// SPDX-License-Identifier: BSD-2-Clause
// Reading ELF files (System V ABI, chapters 4 and 5; RISC-V ELF psABI). The bytes are hostile: everything is checked before anything
// is used, and the result holds only what was checked. Pure, so that it is tested and fuzzed on the development machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.h"

namespace pl {

constexpr uint64_t UserTop = uint64_t(1) << 38;  // Sv39's lower half

struct ElfSegment {
  uint64_t address, memory_bytes;  // before the load bias; not page-aligned
  uint64_t offset, file_bytes;
  uint32_t protection;  // Protection bits
};

struct ElfImage {
  static constexpr unsigned MaxSegments = 16;
  uint64_t entry = 0;
  bool position_independent = false;
  bool executable_stack = false;
  uint64_t headers = 0;  // address of the program headers in memory, before the bias; 0: not in memory
  uint16_t header_count = 0;
  uint64_t low = 0, high = 0;  // of all segments, page-aligned
  uint64_t alignment = 0;      // of the load address
  uint64_t interpreter_offset = 0, interpreter_bytes = 0;  // path with its NUL; 0 bytes: none
  unsigned segment_count = 0;
  ElfSegment segments[MaxSegments];
};

// What the first bytes of the file say about where the program headers are.
struct ElfHeaders {
  uint64_t offset;
  uint16_t count;
};
constexpr size_t ElfHeaderSize = 64, ElfProgramHeaderSize = 56, ElfMaxProgramHeaders = 64;

// `first` is the file's start, at least ElfHeaderSize bytes of it. ENOEXEC for anything that is not a riscv64 executable.
ErrorOr<ElfHeaders> find_elf_headers(std::span<const std::byte> first, uint64_t file_bytes);
// `headers` are exactly the program headers that find_elf_headers named. `image` is valid only without an error.
ErrorOr<void> parse_elf(std::span<const std::byte> first, std::span<const std::byte> headers, uint64_t file_bytes, ElfImage& image);

}  // namespace pl
