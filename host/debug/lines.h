// SPDX-License-Identifier: BSD-2-Clause
// Lines of source files, by the debugging information of ELF files (DWARF 2 to 5), which libbacktrace reads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pl {

// Of one file, those that are needed; without .debug_info there is nothing to be known.
struct DebugSections {
  static constexpr std::array<std::string_view, 9> kNames = {".debug_info", ".debug_line", ".debug_abbrev", ".debug_ranges", ".debug_str",
                                                             ".debug_addr", ".debug_str_offsets", ".debug_line_str", ".debug_rnglists"};
  std::array<std::vector<std::byte>, kNames.size()> bytes;
};

struct PlaceInFile {
  const DebugSections* sections = nullptr;
  uint64_t address = 0;  // as in the file
};

// For each place "work.c:12", or "work.c:5 (inner, inlined at work.c:12)"; empty: not known. The information may be anything: it is read
// in a process of its own, whose memory and time are limited, and what that cannot read has no lines.
std::vector<std::string> source_lines(std::span<const PlaceInFile> places);

}  // namespace pl
