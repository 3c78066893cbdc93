// SPDX-License-Identifier: BSD-2-Clause
// The ELF files that a stopped process has mapped: which lies where, and what its addresses are called. Maps, files and memory are the
// enclave's: every number in them is checked before it is used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "debug/debuggee.h"
#include "debug/lines.h"

namespace pl {

struct FunctionSymbol {
  uint64_t address = 0, size = 0;  // as in the file
  uint32_t name = 0;               // its place in the object's names
};

struct MappedObject {
  std::string path;
  uint64_t start = 0, end = 0;  // of all its mappings
  uint64_t bias = 0;            // what is added to the file's addresses
  uint64_t unwind_table = 0, unwind_table_size = 0;  // .eh_frame_hdr in memory; size 0: none
  uint64_t section_table = 0;                        // in the file
  uint16_t sections = 0, section_names = 0;          // how many; which of them has their names

  // Of an object that a frame is in:
  bool has_functions = false;
  std::vector<FunctionSymbol> functions;  // by address
  std::vector<std::byte> names;
  DebugSections debugging;

  // The function that holds this address of memory, or null.
  const FunctionSymbol* function_at(uint64_t address) const;
  std::string name_of(const FunctionSymbol& function) const;
};

class MappedObjects {
 public:
  // Of the process, as its /proc/PID/maps has it.
  MappedObjects(Debuggee& debuggee, uint32_t process);
  const MappedObject* at(uint64_t address);

  // "work+0x1c in /bin/program", or "/lib/libc.so+0x2f1c" where there is no symbol; "?" where there is no file. C++ names demangled.
  // `inside`: an address that is certainly in the function, for one that a call returns to.
  std::string describe(uint64_t address, uint64_t inside);
  // Where its line is to be looked for; valid as long as this is.
  PlaceInFile place(uint64_t inside);

 private:
  void read_functions(MappedObject& object);
  void read_debugging(MappedObject& object);

  Debuggee& debuggee_;
  std::vector<MappedObject> objects_;
  uint64_t table_bytes_left_ = 256 << 20;  // of symbols and their names, in all objects
  uint64_t debugging_bytes_left_ = 64 << 20;
};

// For a terminal: a name of the enclave's may hold anything.
std::string harmless(std::string text);

struct MappingLine {
  uint64_t start, end, offset;
  std::string path;
};
// Those of files, of the text of /proc/PID/maps.
std::vector<MappingLine> parse_maps(std::string_view text);

}  // namespace pl
