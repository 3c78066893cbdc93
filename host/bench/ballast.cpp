// SPDX-License-Identifier: BSD-2-Clause
#include "bench/ballast.h"

#include <elf.h>

#include <cstring>

namespace pl::bench {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kPlace = uint64_t{1} << 30;  // a table of its own at every level
constexpr unsigned char kPattern = 0x5a;

}  // namespace

std::expected<std::vector<unsigned char>, std::string> with_ballast(std::vector<unsigned char> program, uint64_t bytes) {
  Elf64_Ehdr header;
  if (program.size() < sizeof header) return std::unexpected("not an ELF");
  std::memcpy(&header, program.data(), sizeof header);
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > program.size() ||
      program.size() - header.e_phoff < header.e_phnum * sizeof(Elf64_Phdr))
    return std::unexpected("not an ELF with program headers");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    const uint64_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    Elf64_Phdr segment;
    std::memcpy(&segment, program.data() + at, sizeof segment);
    if (segment.p_type != PT_NOTE) continue;
    const uint64_t offset = (program.size() + kPage - 1) / kPage * kPage;
    segment = {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = offset, .p_vaddr = kPlace, .p_paddr = kPlace,
               .p_filesz = bytes, .p_memsz = bytes, .p_align = kPage};
    std::memcpy(program.data() + at, &segment, sizeof segment);
    program.resize(offset);
    program.resize(offset + bytes, kPattern);
    return program;
  }
  return std::unexpected("an ELF without a note");
}

}  // namespace pl::bench
