// SPDX-License-Identifier: BSD-2-Clause
// A dynamically linked program or library, as small as one can be.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

namespace pl::test {

struct DynamicElf {
  std::string interpreter = {};
  std::vector<std::string> needed = {};
  std::string runpath = {}, rpath = {};

  std::string bytes() const {
    constexpr uint64_t kBase = 0x10000, kSize = 0x2000, kStrings = 0x800, kDynamic = 0x400, kInterpreter = 0x300;
    std::string file(kSize, 0), strings(1, 0);
    std::vector<Elf64_Dyn> entries;
    auto name = [&](const std::string& text) {
      uint64_t at = strings.size();
      strings += text + '\0';
      return at;
    };
    auto entry = [&](int64_t tag, uint64_t value) {
      Elf64_Dyn e{};
      e.d_tag = tag;
      e.d_un.d_val = value;
      entries.push_back(e);
    };
    for (const std::string& library : needed) entry(DT_NEEDED, name(library));
    if (!runpath.empty()) entry(DT_RUNPATH, name(runpath));
    if (!rpath.empty()) entry(DT_RPATH, name(rpath));
    entry(DT_STRTAB, kBase + kStrings);
    entry(DT_STRSZ, strings.size());
    entry(DT_NULL, 0);

    std::vector<Elf64_Phdr> segments = {{PT_LOAD, PF_R | PF_X, 0, kBase, kBase, kSize, kSize, 0x1000}};
    segments.push_back({PT_DYNAMIC, PF_R, kDynamic, kBase + kDynamic, kBase + kDynamic, entries.size() * sizeof(Elf64_Dyn),
                        entries.size() * sizeof(Elf64_Dyn), 8});
    if (!interpreter.empty())
      segments.push_back({PT_INTERP, PF_R, kInterpreter, kBase + kInterpreter, kBase + kInterpreter, interpreter.size() + 1, interpreter.size() + 1, 1});
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_RISCV;
    header.e_entry = kBase + 0x1000;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(segments.size());
    std::memcpy(file.data(), &header, sizeof header);
    std::memcpy(file.data() + sizeof header, segments.data(), segments.size() * sizeof(Elf64_Phdr));
    std::memcpy(file.data() + kInterpreter, interpreter.data(), interpreter.size());
    std::memcpy(file.data() + kDynamic, entries.data(), entries.size() * sizeof(Elf64_Dyn));
    std::memcpy(file.data() + kStrings, strings.data(), strings.size());
    return file;
  }
};

}  // namespace pl::test
