// SPDX-License-Identifier: BSD-2-Clause
// The breakpoints of each process: which instructions they stand for, and memory as if there were none (GDB's manual, "z0").
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>

#include "debug/debuggee.h"

namespace pl::gdb {

class Breakpoints {
 public:
  explicit Breakpoints(Debuggee& debuggee) : debuggee_(debuggee) {}

  // Errors are errnos. `bytes`: 2 or 4, what the instruction has.
  std::expected<void, int> insert(uint32_t process, uint64_t address, uint32_t bytes);
  std::expected<void, int> remove(uint32_t process, uint64_t address);
  void remove_all(uint32_t process);
  // Out of memory and back, while somebody else runs in it.
  void take_out(uint32_t process);
  void put_back(uint32_t process);

  // A child has those of its parent: in the same memory, or in its copy of it.
  void forked(uint32_t parent, uint32_t child, bool same_memory);
  // It has other memory now, or none.
  void forget(uint32_t process) { of_process_.erase(process); }

  std::expected<size_t, int> read(uint32_t thread, uint32_t process, uint64_t address, std::span<std::byte> to);
  std::expected<void, int> write(uint32_t thread, uint32_t process, uint64_t address, std::span<const std::byte> from);

 private:
  struct Planted {
    uint32_t bytes;
    std::array<std::byte, 4> original;
  };
  using Memory = std::map<uint64_t, Planted>;
  Memory& of(uint32_t process);
  std::expected<void, int> plant(uint32_t process, uint64_t address, uint32_t bytes);
  // Its instruction is still there: what it was put into may have been mapped anew.
  bool stands(uint32_t process, uint64_t address, const Planted& planted);

  Debuggee& debuggee_;
  std::map<uint32_t, std::shared_ptr<Memory>> of_process_;
};

}  // namespace pl::gdb
