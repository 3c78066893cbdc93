// SPDX-License-Identifier: BSD-2-Clause
#include "process/elf.h"

#include <cstring>

#include "base/address.h"
#include "memory/address_space.h"

namespace pl {

namespace {

struct Header {
  uint8_t magic[4], word_class, data, version, os_abi, unused[8];
  uint16_t type, machine;
  uint32_t version2;
  uint64_t entry, program_headers, section_headers;
  uint32_t flags;
  uint16_t size, program_header_size, program_header_count, section_header_size, section_header_count, string_index;
};
static_assert(sizeof(Header) == ElfHeaderSize);

struct ProgramHeader {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_bytes, memory_bytes, alignment;
};
static_assert(sizeof(ProgramHeader) == ElfProgramHeaderSize);

constexpr uint32_t TypeLoad = 1, TypeInterpreter = 3, TypeHeaders = 6, TypeGnuStack = 0x6474e551;
constexpr uint16_t FileExecutable = 2, FileShared = 3, MachineRiscV = 243;
constexpr uint32_t FlagExecute = 1, FlagWrite = 2, FlagRead = 4;

// offset + bytes lies within limit, and does not wrap.
bool within(uint64_t offset, uint64_t bytes, uint64_t limit) { return offset <= limit && bytes <= limit - offset; }

ErrorOr<void> add_segment(ElfImage& image, const ProgramHeader& p, uint64_t file_bytes) {
  if (!p.memory_bytes) return {};
  if (image.segment_count == ElfImage::MaxSegments || p.file_bytes > p.memory_bytes || !within(p.offset, p.file_bytes, file_bytes) ||
      !within(p.address, p.memory_bytes, UserTop - PageSize) || (p.address - p.offset) % PageSize)
    return fail(Errno::NotExecutable);
  // In ascending order (System V ABI): so the span and the place of the bss follow without sorting.
  if (image.segment_count && p.address < image.segments[image.segment_count - 1].address) return fail(Errno::NotExecutable);
  uint32_t protection = (p.flags & FlagRead ? ProtectionRead : 0u) | (p.flags & FlagWrite ? ProtectionWrite : 0u) |
                        (p.flags & FlagExecute ? ProtectionExecute : 0u);
  image.segments[image.segment_count++] = {p.address, p.memory_bytes, p.offset, p.file_bytes, protection};
  uint64_t low = p.address / PageSize * PageSize, high = round_up(p.address + p.memory_bytes, PageSize);
  if (image.segment_count == 1) image.low = low;
  if (high > image.high) image.high = high;
  if (p.alignment > image.alignment && (p.alignment & (p.alignment - 1)) == 0 && p.alignment <= (1u << 30)) image.alignment = p.alignment;
  return {};
}

}  // namespace

ErrorOr<ElfHeaders> find_elf_headers(std::span<const std::byte> first, uint64_t file_bytes) {
  if (first.size() < sizeof(Header)) return fail(Errno::NotExecutable);
  Header h;
  memcpy(&h, first.data(), sizeof(h));
  if (memcmp(h.magic, "\177ELF", 4) || h.word_class != 2 || h.data != 1 || h.version != 1) return fail(Errno::NotExecutable);
  if ((h.type != FileExecutable && h.type != FileShared) || h.machine != MachineRiscV) return fail(Errno::NotExecutable);
  if (h.program_header_size != sizeof(ProgramHeader) || !h.program_header_count || h.program_header_count > ElfMaxProgramHeaders)
    return fail(Errno::NotExecutable);
  if (!within(h.program_headers, h.program_header_count * sizeof(ProgramHeader), file_bytes)) return fail(Errno::NotExecutable);
  return ElfHeaders{h.program_headers, h.program_header_count};
}

ErrorOr<void> parse_elf(std::span<const std::byte> first, std::span<const std::byte> headers, uint64_t file_bytes, ElfImage& image) {
  ElfHeaders place = TRY(find_elf_headers(first, file_bytes));
  if (headers.size() != place.count * sizeof(ProgramHeader)) return fail(Errno::NotExecutable);
  Header h;
  memcpy(&h, first.data(), sizeof(h));

  image = {};
  image.position_independent = h.type == FileShared;
  image.entry = h.entry;
  image.header_count = place.count;
  image.alignment = PageSize;
  image.executable_stack = false;  // without PT_GNU_STACK riscv64 Linux gives none either
  for (unsigned i = 0; i < place.count; ++i) {
    ProgramHeader p;
    memcpy(&p, headers.data() + i * sizeof(p), sizeof(p));
    switch (p.type) {
      case TypeLoad:
        TRY(add_segment(image, p, file_bytes));
        break;
      case TypeInterpreter:
        if (image.interpreter_bytes || p.file_bytes < 2 || p.file_bytes > 4096 || !within(p.offset, p.file_bytes, file_bytes))
          return fail(Errno::NotExecutable);
        image.interpreter_offset = p.offset;
        image.interpreter_bytes = p.file_bytes;
        break;
      case TypeHeaders:
        break;
      case TypeGnuStack:
        image.executable_stack = p.flags & FlagExecute;
        break;
      default:
        break;
    }
  }
  if (!image.segment_count) return fail(Errno::NotExecutable);

  bool entry_is_code = false;
  for (unsigned i = 0; i < image.segment_count; ++i) {
    const ElfSegment& s = image.segments[i];
    if (h.entry >= s.address && h.entry - s.address < s.memory_bytes && (s.protection & ProtectionExecute)) entry_is_code = true;
    if (place.offset >= s.offset && within(place.offset - s.offset, headers.size(), s.file_bytes))
      image.headers = s.address + (place.offset - s.offset);
  }
  if (!entry_is_code || h.entry % 2) return fail(Errno::NotExecutable);
  return {};
}

}  // namespace pl
