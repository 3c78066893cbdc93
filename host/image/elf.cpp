// SPDX-License-Identifier: BSD-2-Clause
#include "image/elf.h"

#include <elf.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace pl {
namespace {

constexpr uint64_t kUserEnd = uint64_t{1} << 38;  // Sv39: the lower half
constexpr uint64_t kPage = 4096;
constexpr size_t kMaxSegments = 64;

// RISC-V psABI, 8.1: flags that ask for something the enclave's harts do not promise.
constexpr uint32_t kFlagRve = 0x8;
constexpr uint32_t kFlagTso = 0x10;

using Refusal = std::unexpected<std::string>;

Refusal malformed(std::string_view what) { return Refusal("malformed ELF file: " + std::string(what)); }
Refusal truncated() { return Refusal("truncated ELF file"); }

std::string machine_name(uint16_t machine) {
  switch (machine) {
    case EM_X86_64: return "x86-64";
    case EM_386: return "i386";
    case EM_AARCH64: return "AArch64";
    case EM_ARM: return "ARM";
    case EM_PPC64: return "PowerPC 64";
    case EM_S390: return "s390";
    case EM_RISCV: return "RISC-V";
    default: return "ELF machine " + std::to_string(machine);
  }
}

std::expected<Elf64_Ehdr, std::string> check_header(std::span<const std::byte> file) {
  auto starts_with = [&](std::string_view magic) {
    return file.size() >= magic.size() && std::memcmp(file.data(), magic.data(), magic.size()) == 0;
  };
  if (file.empty()) return Refusal("an empty file, not an ELF program");
  if (starts_with("#!")) return Refusal("a script, not a program: name its interpreter and give the script to it");
  if (!starts_with(ELFMAG)) return Refusal("not an ELF program");
  if (file.size() < EI_NIDENT + 4) return truncated();

  auto byte = [&](size_t index) { return static_cast<uint8_t>(file[index]); };
  if (byte(EI_DATA) != ELFDATA2LSB && byte(EI_DATA) != ELFDATA2MSB) return malformed("unknown byte order");
  bool big = byte(EI_DATA) == ELFDATA2MSB;
  uint16_t machine = static_cast<uint16_t>(byte(18 + big) | byte(19 - big) << 8);
  if (machine != EM_RISCV) return Refusal("built for " + machine_name(machine) + ", not for riscv64");
  if (byte(EI_CLASS) == ELFCLASS32) return Refusal("built for 32-bit RISC-V, not for riscv64");
  if (byte(EI_CLASS) != ELFCLASS64) return malformed("unknown class");
  if (big) return Refusal("built for big-endian RISC-V, not for riscv64");
  if (byte(EI_VERSION) != EV_CURRENT) return malformed("unknown version");

  Elf64_Ehdr header;
  if (file.size() < sizeof header) return truncated();
  std::memcpy(&header, file.data(), sizeof header);
  switch (header.e_type) {
    case ET_EXEC:
    case ET_DYN: break;
    case ET_REL: return Refusal("an object file, not a program: link it first");
    case ET_CORE: return Refusal("a core dump, not a program");
    default: return malformed("unknown type");
  }
  if (header.e_flags & kFlagRve) return Refusal("built for RV64E, which the enclave does not run");
  if (header.e_flags & kFlagTso) return Refusal("needs the Ztso memory model, which the enclave does not promise");
  return header;
}

std::expected<std::vector<Elf64_Phdr>, std::string> read_segments(std::span<const std::byte> file,
                                                                  const Elf64_Ehdr& header) {
  if (header.e_phnum == 0) return malformed("no program headers");
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return malformed("program headers of an unknown size");
  if (header.e_phnum > kMaxSegments) return malformed("too many program headers");
  uint64_t bytes = uint64_t{header.e_phnum} * sizeof(Elf64_Phdr);
  if (header.e_phoff > UINT64_MAX - bytes) return malformed("program headers beyond the end of numbers");
  if (header.e_phoff + bytes > file.size()) return truncated();
  std::vector<Elf64_Phdr> segments(header.e_phnum);
  std::memcpy(segments.data(), file.data() + header.e_phoff, bytes);
  return segments;
}

}  // namespace

std::expected<ElfProgram, std::string> check_elf(std::span<const std::byte> file, ElfUse use) {
  auto header = check_header(file);
  if (!header) return Refusal(header.error());
  auto segments = read_segments(file, *header);
  if (!segments) return Refusal(segments.error());

  bool any = false, entry_found = false, dynamic = false;
  uint64_t end = 0;
  for (const Elf64_Phdr& segment : *segments) {
    if (segment.p_type == PT_INTERP || segment.p_type == PT_LOAD) {
      if (segment.p_offset > file.size() || segment.p_filesz > file.size() - segment.p_offset) return truncated();
    }
    dynamic |= segment.p_type == PT_INTERP;
    if (segment.p_type != PT_LOAD) continue;
    if (segment.p_memsz < segment.p_filesz) return malformed("a segment is larger in the file than in memory");
    if (segment.p_memsz == 0) continue;
    if (segment.p_vaddr >= kUserEnd || segment.p_memsz > kUserEnd - segment.p_vaddr)
      return malformed("a segment lies outside the address space");
    if (segment.p_align > 1 && !std::has_single_bit(segment.p_align)) return malformed("a segment's alignment");
    if (segment.p_vaddr % kPage != segment.p_offset % kPage)
      return malformed("a segment's address does not fit its place in the file");
    if (any && segment.p_vaddr < end) return malformed("segments overlap or are out of order");
    end = segment.p_vaddr + segment.p_memsz;
    any = true;
    if ((segment.p_flags & PF_X) && header->e_entry >= segment.p_vaddr && header->e_entry < end) entry_found = true;
  }
  if (!any) return malformed("nothing to load");
  if (!entry_found && use == ElfUse::Program) return malformed("the entry point is in no executable segment");
  return ElfProgram{.position_independent = header->e_type == ET_DYN, .dynamic = dynamic};
}

namespace {

constexpr uint64_t kInterpreterMax = 4096, kDynamicMax = 1 << 16, kStringsMax = 16 << 20;

template <class T>
bool read_values(const ReadAt& read, uint64_t offset, std::vector<T>& values) {
  return read(offset, std::as_writable_bytes(std::span(values)));
}

// The place in the file of an address in memory; ~0 where the file has none.
uint64_t place_of(std::span<const Elf64_Phdr> segments, uint64_t address) {
  for (const Elf64_Phdr& segment : segments)
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
      return segment.p_offset + (address - segment.p_vaddr);
  return UINT64_MAX;
}

}  // namespace

std::expected<ElfLinks, std::string> read_links(const ReadAt& read) {
  std::vector<std::byte> start(sizeof(Elf64_Ehdr));
  if (!read(0, start)) return truncated();
  auto header = check_header(start);
  if (!header) return Refusal(header.error());
  if (header->e_phnum == 0 || header->e_phnum > kMaxSegments || header->e_phentsize != sizeof(Elf64_Phdr))
    return malformed("program headers");
  std::vector<Elf64_Phdr> segments(header->e_phnum);
  if (!read_values(read, header->e_phoff, segments)) return truncated();

  ElfLinks links;
  std::vector<Elf64_Dyn> entries;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type == PT_INTERP) {
      if (segment.p_filesz < 2 || segment.p_filesz > kInterpreterMax) return malformed("the name of its interpreter");
      std::string name(segment.p_filesz, 0);
      if (!read(segment.p_offset, std::as_writable_bytes(std::span(name)))) return truncated();
      links.interpreter = name.c_str();
      if (!links.interpreter.starts_with('/')) return malformed("the name of its interpreter");
    } else if (segment.p_type == PT_DYNAMIC) {
      if (segment.p_filesz > kDynamicMax) return malformed("its dynamic section");
      entries.resize(segment.p_filesz / sizeof(Elf64_Dyn));
      if (!read_values(read, segment.p_offset, entries)) return truncated();
    }
  }

  uint64_t strings_at = 0, strings_size = 0, runpath = UINT64_MAX, rpath = UINT64_MAX;
  links.library = header->e_type == ET_DYN && links.interpreter.empty();
  std::vector<uint64_t> needed;
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_NULL) break;
    switch (entry.d_tag) {
      case DT_STRTAB: strings_at = entry.d_un.d_ptr; break;
      case DT_STRSZ: strings_size = entry.d_un.d_val; break;
      case DT_NEEDED: needed.push_back(entry.d_un.d_val); break;
      case DT_RUNPATH: runpath = entry.d_un.d_val; break;
      case DT_RPATH: rpath = entry.d_un.d_val; break;
      case DT_FLAGS_1: links.library = links.library && !(entry.d_un.d_val & DF_1_PIE); break;
      default: break;
    }
  }
  if (runpath == UINT64_MAX) runpath = rpath;
  if (needed.empty() && runpath == UINT64_MAX) return links;
  const uint64_t place = place_of(segments, strings_at);
  if (place == UINT64_MAX || strings_size == 0 || strings_size > kStringsMax) return malformed("its table of strings");
  std::string strings(strings_size, 0);
  if (!read(place, std::as_writable_bytes(std::span(strings)))) return truncated();
  for (uint64_t at : needed) {
    if (at >= strings.size()) return malformed("the name of a library");
    links.needed.emplace_back(strings.c_str() + at);
    if (links.needed.back().empty()) return malformed("the name of a library");
  }
  if (runpath < strings.size()) links.search = strings.c_str() + runpath;
  return links;
}

}  // namespace pl
