// SPDX-License-Identifier: BSD-2-Clause
#include "image/elf.h"

#include <criterion/criterion.h>
#include <elf.h>

#include <cstring>
#include <random>
#include <string_view>
#include <vector>

using namespace pl;

namespace {

// A program of one segment, as a static linker writes it.
struct Elf {
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  size_t size = 0x1000;

  Elf() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_RISCV;
    header.e_version = EV_CURRENT;
    header.e_entry = 0x10200;
    header.e_phoff = sizeof header;
    header.e_ehsize = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    segments.push_back({PT_LOAD, PF_R | PF_X, 0, 0x10000, 0x10000, 0x800, 0x900, 0x1000});
  }
  std::vector<std::byte> bytes() {
    header.e_phnum = static_cast<Elf64_Half>(segments.size());
    std::vector<std::byte> out(size);
    std::memcpy(out.data(), &header, sizeof header);
    if (!segments.empty()) std::memcpy(out.data() + sizeof header, segments.data(), segments.size() * sizeof(Elf64_Phdr));
    return out;
  }
};

void refused(const std::vector<std::byte>& file, std::string_view because) {
  auto result = check_elf(file);
  cr_assert(!result.has_value(), "accepted, wanted: %s", because.data());
  cr_assert(result.error().find(because) != std::string::npos, "%s", result.error().c_str());
}

std::vector<std::byte> text(std::string_view content) {
  auto bytes = std::as_bytes(std::span(content));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Test(elf, a_static_program_is_accepted) {
  auto result = check_elf(Elf().bytes());
  cr_assert(result.has_value());
  cr_assert(!result->position_independent);
}

Test(elf, a_static_pie_is_accepted) {
  Elf elf;
  elf.header.e_type = ET_DYN;
  elf.header.e_entry = 0x200;
  elf.segments[0].p_vaddr = 0;
  cr_assert(check_elf(elf.bytes())->position_independent);
}

Test(elf, what_is_no_elf_is_named) {
  refused({}, "an empty file, not an ELF");
  refused(text("#!/bin/sh\n"), "script");
  refused(text("hello"), "not an ELF");
  refused(text("\x7f" "EL"), "not an ELF");
}

Test(elf, another_architecture_is_named) {
  Elf elf;
  elf.header.e_machine = EM_X86_64;
  refused(elf.bytes(), "x86-64");
  elf.header.e_machine = EM_RISCV;
  elf.header.e_ident[EI_CLASS] = ELFCLASS32;
  refused(elf.bytes(), "32-bit");
  elf = Elf();
  elf.header.e_ident[EI_DATA] = ELFDATA2MSB;
  elf.header.e_machine = EM_S390 << 8;  // as that machine writes it
  refused(elf.bytes(), "s390");
}

Test(elf, object_files_and_core_dumps_are_no_programs) {
  Elf elf;
  elf.header.e_type = ET_REL;
  refused(elf.bytes(), "link it");
  elf.header.e_type = ET_CORE;
  refused(elf.bytes(), "core dump");
  elf.header.e_type = 77;
  refused(elf.bytes(), "malformed");
}

Test(elf, a_library_need_not_begin_anywhere) {
  Elf elf;
  elf.header.e_type = ET_DYN;
  elf.header.e_entry = 0;
  refused(elf.bytes(), "entry point");
  cr_assert(check_elf(elf.bytes(), ElfUse::Library).has_value());
}

Test(elf, a_dynamic_program_is_accepted) {
  Elf elf;
  elf.segments.push_back({PT_INTERP, PF_R, 0x300, 0x10300, 0x10300, 20, 20, 1});
  auto result = check_elf(elf.bytes());
  cr_assert(result.has_value());
  cr_assert(result->dynamic);
}

Test(elf, truncation_at_any_byte_is_noticed) {
  auto whole = Elf().bytes();
  for (size_t size = 0; size < 0x800; ++size)
    cr_assert(!check_elf(std::span(whole).first(size)).has_value(), "%zu bytes", size);
  cr_assert(check_elf(std::span(whole).first(0x800)).has_value());
}

Test(elf, program_headers_lie_in_the_file) {
  Elf elf;
  elf.header.e_phoff = 0xfe0;
  refused(elf.bytes(), "truncated");
  elf.header.e_phoff = ~uint64_t{0} - 8;
  refused(elf.bytes(), "malformed");
  elf = Elf();
  elf.header.e_phentsize = 55;
  refused(elf.bytes(), "malformed");
  elf = Elf();
  elf.segments.clear();
  refused(elf.bytes(), "no program headers");
  elf.segments.assign(65, Elf().segments[0]);
  elf.size = 0x2000;
  refused(elf.bytes(), "too many");
}

Test(elf, segments_do_not_wrap) {
  Elf elf;
  elf.segments[0].p_offset = ~uint64_t{0} - 0xfff;
  elf.segments[0].p_filesz = 0x2000;
  refused(elf.bytes(), "truncated");
  elf = Elf();
  elf.segments[0].p_memsz = ~uint64_t{0};
  refused(elf.bytes(), "outside the address space");
  elf = Elf();
  elf.segments[0].p_vaddr = uint64_t{1} << 38;
  refused(elf.bytes(), "outside the address space");
  elf = Elf();
  elf.segments[0].p_memsz = 0x10;
  refused(elf.bytes(), "larger in the file");
}

Test(elf, segments_do_not_overlap) {
  Elf elf;
  elf.segments.push_back({PT_LOAD, PF_R | PF_W, 0x400, 0x10400, 0x10400, 0x10, 0x10, 0x1000});
  refused(elf.bytes(), "overlap");
}

Test(elf, a_segment_fits_its_page) {
  Elf elf;
  elf.segments[0].p_vaddr += 8;
  refused(elf.bytes(), "does not fit");
  elf = Elf();
  elf.segments[0].p_align = 0x1800;
  refused(elf.bytes(), "alignment");
}

Test(elf, the_entry_point_is_executable) {
  Elf elf;
  elf.segments[0].p_flags = PF_R;
  refused(elf.bytes(), "entry point");
  elf = Elf();
  elf.header.e_entry = 0x10900;
  refused(elf.bytes(), "entry point");
  elf = Elf();
  elf.segments[0].p_type = PT_NOTE;
  refused(elf.bytes(), "nothing to load");
}

Test(elf, no_garbled_file_does_harm) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    auto file = Elf().bytes();
    for (int i = 0; i < 4; ++i) file[random() % 200] = std::byte(random());
    file.resize(random() % file.size());
    (void)check_elf(file);
  }
}
