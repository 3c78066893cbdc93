// SPDX-License-Identifier: BSD-2-Clause
// Where main is, without symbols: a program's start-up code is interpreted from its first instruction until it hands main to
// __libc_start_main, whatever that is called or whether it is inlined. Pure: runs on any machine, on any memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"

namespace pl::shadow {

// Registers of the program; x[0] stays 0.
struct StartState {
  uint64_t pc = 0;
  uint64_t x[32] = {};
};

// The program's memory, as its own instructions would reach it.
class StartMemory {
 public:
  virtual ErrorOr<void> read(uint64_t address, void* to, size_t bytes) = 0;
  virtual ErrorOr<void> write(uint64_t address, const void* from, size_t bytes) = 0;
  virtual bool executable(uint64_t address) = 0;

 protected:
  ~StartMemory() = default;
};

// Why main was not found.
enum class NoMain : uint8_t { None, Instruction, Memory, Call, TooLong };
const char* in_words(NoMain why);

struct MainSearch {
  uint64_t main = 0;
  NoMain why = NoMain::None;
  uint64_t at = 0;  // where the search ended
};

// Follows the code from `state` on. Stores are done, since a position-independent program relocates itself on its way: `state` is where it
// has come to, and the program goes on from there. Found when a jump or call is about to be made with a0 an executable address that it did
// not begin with, a1 = argc and a2 = argv, the first three arguments of __libc_start_main in glibc and musl; `state` stands before that jump.
MainSearch find_main(StartState& state, StartMemory& memory, uint64_t argc, uint64_t argv);

}  // namespace pl::shadow
