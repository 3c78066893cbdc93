// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <cstring>
#include <random>
#include <vector>

#include "memory/address_space.h"
#include "process/elf.h"

using namespace pl;

namespace {

struct Builder {
  std::vector<uint8_t> bytes = std::vector<uint8_t>(ElfHeaderSize, 0);
  unsigned count = 0;

  template <class T> void put(size_t at, T value) { std::memcpy(bytes.data() + at, &value, sizeof(value)); }
  explicit Builder(uint16_t type = 2, uint64_t entry = 0x10100) {
    std::memcpy(bytes.data(), "\177ELF\2\1\1", 7);
    put<uint16_t>(16, type);
    put<uint16_t>(18, 243);
    put<uint32_t>(20, 1);
    put<uint64_t>(24, entry);
    put<uint64_t>(32, ElfHeaderSize);
    put<uint16_t>(52, 64);
    put<uint16_t>(54, ElfProgramHeaderSize);
  }
  Builder& header(uint32_t type, uint32_t flags, uint64_t offset, uint64_t address, uint64_t file, uint64_t memory, uint64_t align = 4096) {
    size_t at = bytes.size();
    bytes.resize(at + ElfProgramHeaderSize);
    put(at, type);
    put(at + 4, flags);
    put(at + 8, offset);
    put(at + 16, address);
    put(at + 24, address);
    put(at + 32, file);
    put(at + 40, memory);
    put(at + 48, align);
    put<uint16_t>(56, uint16_t(++count));
    return *this;
  }
  Builder& code() { return header(1, 5, 0, 0x10000, 0x800, 0x800); }

  ErrorOr<ElfImage> parse(uint64_t file_bytes = 0x10000) const {
    auto raw = std::as_bytes(std::span(bytes));
    ElfImage image;
    TRY(parse_elf(raw.first(ElfHeaderSize), raw.subspan(ElfHeaderSize), file_bytes, image));
    return image;
  }
};

void refused(const Builder& b, uint64_t file_bytes = 0x10000) {
  auto image = b.parse(file_bytes);
  cr_assert(!image && image.error() == Errno::NotExecutable);
}

}  // namespace

Test(elf, a_static_program_has_its_segments_headers_and_span) {
  auto image = Builder().code().header(1, 6, 0x900, 0x11900, 0x100, 0x3000).header(0x6474e551, 6, 0, 0, 0, 0).parse();
  cr_assert(image.has_value());
  cr_expect_eq(image->segment_count, 2u);
  cr_expect_eq(image->segments[0].protection, unsigned(ProtectionRead | ProtectionExecute));
  cr_expect_eq(image->segments[1].protection, unsigned(ProtectionRead | ProtectionWrite));
  cr_expect_eq(image->low, 0x10000u);
  cr_expect_eq(image->high, 0x15000u);
  cr_expect_eq(image->headers, 0x10040u);
  cr_expect(!image->executable_stack && !image->position_independent);
}

Test(elf, an_interpreter_and_an_executable_stack_are_seen) {
  auto image = Builder(3).header(3, 4, 0x700, 0, 28, 28).code().header(0x6474e551, 7, 0, 0, 0, 0).parse();
  cr_assert(image.has_value());
  cr_expect_eq(image->interpreter_offset, 0x700u);
  cr_expect_eq(image->interpreter_bytes, 28u);
  cr_expect(image->executable_stack && image->position_independent);
}

Test(elf, other_files_are_refused) {
  auto changed = [](size_t at, uint8_t value) {
    Builder b;
    b.code();
    b.bytes[at] = value;
    refused(b);
  };
  changed(0, 'E');    // magic
  changed(4, 1);      // 32 bits
  changed(5, 2);      // big endian
  changed(16, 1);     // relocatable
  changed(18, 0x3e);  // x86-64
  changed(54, 55);    // size of a program header
  changed(56, 0);     // none
  Builder none;
  cr_expect(!find_elf_headers(std::as_bytes(std::span(none.bytes)).first(63), 4096));
}

Test(elf, segments_outside_the_file_or_the_address_space_are_refused) {
  refused(Builder().code().header(1, 6, 0xff00, 0x20f00, 0x200, 0x200));            // beyond the file
  refused(Builder().code().header(1, 6, ~uint64_t(0) - 0xff, 0x20f00, 0x200, 0x200));  // wraps
  refused(Builder().code().header(1, 6, 0, UserTop - 0x1000, 0x100, 0x2000));
  refused(Builder().code().header(1, 6, 0, 0x20000, 0x100, ~uint64_t(0) - 0x10000));
  refused(Builder().code().header(1, 6, 0x10, 0x20000, 0x100, 0x100));              // offset and address disagree
  refused(Builder().code().header(1, 6, 0, 0x20000, 0x200, 0x100));                 // more in the file than in memory
  refused(Builder().header(1, 6, 0, 0x30000, 0x100, 0x100).code());                 // not ascending
  refused(Builder(2, 0x99999).code());                                              // the entry is nowhere
  refused(Builder().header(1, 6, 0, 0x10000, 0x800, 0x800));                        // the entry is not code
  refused(Builder());                                                               // nothing to load
  refused(Builder().code().header(3, 4, 0, 0, 1 << 20, 0));                         // an interpreter's name without end
}

Test(elf, no_mutation_gets_out_of_bounds) {
  std::mt19937 random(1);
  auto base = Builder(3).header(3, 4, 0x700, 0, 28, 28).code().header(1, 6, 0x900, 0x11900, 0x100, 0x3000).bytes;
  for (int i = 0; i < 200000; ++i) {
    Builder b;
    b.bytes = base;
    for (unsigned n = random() % 4 + 1; n--;) b.bytes[random() % b.bytes.size()] = uint8_t(random() % 3 ? random() : 0xff);
    auto image = b.parse();
    if (!image) continue;
    for (unsigned s = 0; s < image->segment_count; ++s) {
      const ElfSegment& segment = image->segments[s];
      cr_assert(segment.offset + segment.file_bytes <= 0x10000 && segment.file_bytes <= segment.memory_bytes);
      cr_assert(segment.address >= image->low && segment.address + segment.memory_bytes <= image->high && image->high <= UserTop);
    }
  }
}
