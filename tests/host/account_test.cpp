// SPDX-License-Identifier: BSD-2-Clause
// The account of a death: maps, symbols and frames of an enclave that may have written anything there.
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include "debug/account.h"
#include "debug/objects.h"
#include "debug/unwind.h"

using namespace pl;

namespace {

constexpr uint64_t kText = 0x10000, kStack = 0x70000, kPage = 4096;

// A process of one program without call frame information, whose text and stack are given.
class Process final : public Debuggee {
 public:
  std::map<uint64_t, std::vector<std::byte>> memory{{kText, std::vector<std::byte>(kPage)}, {kStack, std::vector<std::byte>(kPage)}};
  std::string maps = "10000-11000 r-xp 00000000 00:02 5                  /bin/program\n";
  std::vector<std::byte> elf;
  pl_debug_registers state{};

  template <class T>
  void put(uint64_t address, T value) {
    auto found = --memory.upper_bound(address);
    std::memcpy(&found->second[address - found->first], &value, sizeof value);
  }
  std::expected<size_t, int> read(uint32_t, uint64_t address, std::span<std::byte> to) override {
    auto found = memory.upper_bound(address);
    if (found == memory.begin() || address - (--found)->first >= found->second.size()) return std::unexpected(EFAULT);
    const size_t count = std::min<size_t>(to.size(), found->second.size() - (address - found->first));
    std::copy_n(found->second.begin() + static_cast<ptrdiff_t>(address - found->first), count, to.begin());
    return count;
  }
  std::expected<void, int> write(uint32_t, uint64_t, std::span<const std::byte>) override { return {}; }
  std::expected<pl_debug_registers, int> registers(uint32_t) override { return state; }
  std::expected<void, int> set_registers(uint32_t, const pl_debug_registers&) override { return {}; }
  std::vector<pl_debug_thread> threads() override { return {}; }
  std::expected<void, int> release(uint32_t, bool) override { return {}; }
  std::expected<std::string, int> link(std::string_view) override { return std::unexpected(ENOENT); }
  std::expected<Piece, int> file(std::string_view path, uint64_t offset, size_t most) override {
    std::span<const std::byte> content = path == "/bin/program" ? std::span<const std::byte>(elf) : std::as_bytes(std::span(maps));
    if (path != "/bin/program" && path != "/proc/2/maps") return std::unexpected(ENOENT);
    Piece piece{{}, content.size()};
    if (offset < content.size()) {
      content = content.subspan(offset, std::min(most, content.size() - offset));
      piece.bytes.assign(content.begin(), content.end());
    }
    return piece;
  }

  // Functions by address, as in the file, which lies at kText.
  void give_symbols(std::initializer_list<std::pair<const char*, uint64_t>> functions) {
    std::string names(1, '\0');
    std::vector<Elf64_Sym> symbols(1);
    for (const auto& [name, address] : functions) {
      Elf64_Sym symbol{};
      symbol.st_name = static_cast<uint32_t>(names.size());
      symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
      symbol.st_shndx = 1;
      symbol.st_value = address;
      symbol.st_size = 0x40;
      symbols.push_back(symbol);
      names += name;
      names += '\0';
    }
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_phnum = 1;
    header.e_shnum = 3;
    header.e_phoff = sizeof header;
    header.e_shoff = header.e_phoff + sizeof(Elf64_Phdr);
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_vaddr = kText;
    Elf64_Shdr sections[3]{};
    const uint64_t content = header.e_shoff + sizeof sections;
    sections[1].sh_type = SHT_SYMTAB;
    sections[1].sh_link = 2;
    sections[1].sh_offset = content;
    sections[1].sh_size = symbols.size() * sizeof(Elf64_Sym);
    sections[2].sh_type = SHT_STRTAB;
    sections[2].sh_offset = content + sections[1].sh_size;
    sections[2].sh_size = names.size();
    elf.clear();
    auto add = [&](const void* from, size_t size) { elf.insert(elf.end(), static_cast<const std::byte*>(from), static_cast<const std::byte*>(from) + size); };
    add(&header, sizeof header);
    add(&segment, sizeof segment);
    add(sections, sizeof sections);
    add(symbols.data(), symbols.size() * sizeof(Elf64_Sym));
    add(names.data(), names.size());
  }
};

std::string account_of(Process& process, int signal, int code, uint64_t address) {
  pl_debug_stop stop{};
  stop.reason = PL_STOP_FATAL;
  stop.signal = signal;
  stop.code = code;
  stop.pid = stop.tid = 2;
  stop.address = address;
  std::string text;
  print_account(process, stop, [&](std::string_view line) { text.append(line).append("\n"); });
  return text;
}

// leaf <- middle (keeps ra in its frame of 32 bytes) <- main, outermost.
void build_chain(Process& process) {
  process.give_symbols({{"leaf", kText + 0x100}, {"_ZN4shop4Till3payEi", kText + 0x200}, {"main", kText + 0x300}});
  process.put<uint16_t>(kText + 0x200, 0x1101);  // addi sp, sp, -32
  process.put<uint16_t>(kText + 0x202, 0xec06);  // sd ra, 24(sp)
  process.state.x[0] = kText + 0x104;
  process.state.x[1] = kText + 0x20a;
  process.state.x[2] = kStack + 0x100;
  process.put<uint64_t>(kStack + 0x118, kText + 0x308);
}

}  // namespace

Test(account, frames_have_names_without_call_frame_information) {
  Process process;
  build_chain(process);
  const std::string text = account_of(process, 11, 1, 8);
  cr_expect(text.starts_with("process 2, thread 2: SIGSEGV: 0x8 is not mapped\n"), "%s", text.c_str());
  for (const char* part : {"#0  0000000000010104 leaf+0x4 in /bin/program\n", "#1  000000000001020a shop::Till::pay(int)+0xa in /bin/program\n",
                           "#2  0000000000010308 main+0x8 in /bin/program\n", "  pc 0000000000010104   ra 000000000001020a   sp 0000000000070100"})
    cr_expect(text.find(part) != text.npos, "%s\n%s", part, text.c_str());
  cr_expect(text.find("#3") == text.npos, "%s", text.c_str());
}

Test(account, without_symbols_there_is_the_file_and_the_offset) {
  Process process;
  build_chain(process);
  process.give_symbols({});
  const std::string text = account_of(process, 4, 1, kText + 0x104);
  cr_expect(text.find("#0  0000000000010104 /bin/program+0x10104\n") != text.npos, "%s", text.c_str());
}

Test(account, a_jump_into_nowhere_is_told_by_its_return_address) {
  Process process;
  build_chain(process);
  process.state.x[0] = 0x123456;
  const std::string text = account_of(process, 11, 1, 0x123456);
  cr_expect(text.find("#0  0000000000123456 ?\n") != text.npos, "%s", text.c_str());
  cr_expect(text.find("#1  000000000001020a shop::Till::pay(int)+0xa") != text.npos, "%s", text.c_str());
}

Test(account, maps_are_read_line_by_line_and_what_is_no_line_is_passed_over) {
  const auto lines = parse_maps("10000-11000 r-xp 00000000 00:02 5    /bin/a b\n\nxyz\n20000-1f000 r--p 0 0 0 /no\n3f00000000-3f00001000 rw-p 00000000 00:00 0   [heap]\n"
                                "12000-13000 r--p 00001000 00:02 5 /bin/c");
  cr_assert_eq(lines.size(), 2);
  cr_expect_str_eq(lines[0].path.c_str(), "/bin/a b");
  cr_expect_eq(lines[1].offset, 0x1000);
}

// Under the sanitizers: whatever an enclave has in its files and memory, the account ends.
Test(account, no_content_of_an_enclave_disturbs_it) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    Process process;
    build_chain(process);
    for (unsigned changes = 1 + random() % 8; changes; --changes) {
      switch (random() % 4) {
        case 0: process.elf[random() % process.elf.size()] = static_cast<std::byte>(random()); break;
        case 1: process.memory[kText][random() % kPage] = static_cast<std::byte>(random()); break;
        case 2: process.maps[random() % process.maps.size()] = static_cast<char>(random()); break;
        default: process.state.x[random() % 32] = random() % 2 ? random() : kStack + random() % kPage; break;
      }
    }
    if (random() % 8 == 0) process.elf.resize(random() % process.elf.size());
    (void)account_of(process, static_cast<int>(random() % 70), static_cast<int>(random() % 4), random());
  }
}

// Of this program itself.
DebugSections own_sections() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string elf((std::istreambuf_iterator<char>(file)), {});
  Elf64_Ehdr header;
  std::memcpy(&header, elf.data(), sizeof header);
  std::vector<Elf64_Shdr> table(header.e_shnum);
  std::memcpy(table.data(), elf.data() + header.e_shoff, table.size() * sizeof(Elf64_Shdr));
  DebugSections sections;
  for (const Elf64_Shdr& section : table) {
    const auto wanted = std::ranges::find(DebugSections::kNames, std::string_view(elf.data() + table[header.e_shstrndx].sh_offset + section.sh_name));
    if (wanted == DebugSections::kNames.end()) continue;
    const auto bytes = std::as_bytes(std::span(elf)).subspan(section.sh_offset, section.sh_size);
    sections.bytes[static_cast<size_t>(wanted - DebugSections::kNames.begin())].assign(bytes.begin(), bytes.end());
  }
  return sections;
}

constexpr int kMarkedLine = __LINE__ + 1;
__attribute__((noinline)) int marked(int n) { return n + 1; }

Test(account, lines_are_found_and_damaged_debugging_information_has_none) {
  DebugSections sections = own_sections();
  Dl_info where;
  cr_assert(dladdr(reinterpret_cast<void*>(&marked), &where));
  const PlaceInFile places[] = {{}, {&sections, reinterpret_cast<uintptr_t>(&marked) - reinterpret_cast<uintptr_t>(where.dli_fbase)}, {&sections, ~uint64_t{0}}};
  const auto lines = source_lines(places);
  cr_assert_eq(lines.size(), 3);
  cr_expect(lines[0].empty() && lines[2].empty());
  cr_expect(lines[1].ends_with(fmt::format("account_test.cpp:{}", kMarkedLine)), "%s", lines[1].c_str());
  std::mt19937 random(1);
  for (int round = 0; round < 12; ++round) {
    DebugSections damaged = sections;
    for (auto& bytes : damaged.bytes)
      for (unsigned changes = bytes.empty() ? 0 : 200; changes; --changes) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    const PlaceInFile place{&damaged, places[1].address};
    cr_expect_eq(source_lines({&place, 1}).size(), 1);
  }
}
