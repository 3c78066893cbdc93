// SPDX-License-Identifier: BSD-2-Clause
// A machine for the memory tests: physical memory is an array, the monitor hands out pieces of it, and a program's access is a walk of
// its page tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/ref.h"
#include "fs/inode.h"
#include "memory/address_space.h"
#include "memory/frame.h"

namespace pl::machine {

constexpr uint64_t Base = 0x80000000;

// A cold enclave with this much memory to grow into, no address space active.
void start_cold(uint64_t reserve = 16 << 20);
// Makes all that exists a template's and goes on as a fork with an extent of 64 KiB.
void become_fork();
void limit_extents(unsigned more);  // how many the monitor will still give
uint64_t extents_given();

extern MemoryLimits limits;         // of the process that asks; start_cold() lifts them but for a stack of 8 MiB
void limit_heap(unsigned more);     // so many allocations still succeed

uint64_t frames_in_use();  // not immortal, counted

// What the program would see: reads and writes through the active address space, faulting as it goes. A signal number, or 0.
int read(uint64_t address, void* to, size_t bytes);
int write(uint64_t address, const void* from, size_t bytes);
int read_byte(uint64_t address, uint8_t& value);
int write_byte(uint64_t address, uint8_t value);

// A file of the given content, whose pages are counted frames.
class MemoryFile : public Inode {
 public:
  explicit MemoryFile(uint64_t pages) : Inode(0100000), pages_(pages) {}
  ErrorOr<Attributes> attributes() override { return Attributes{}; }
  ErrorOr<Ref<File>> open(Ref<Inode>, uint32_t) override;
  ErrorOr<FrameRef> page(uint64_t index, bool shared_writable) override;
  FrameRef page_in_memory(uint64_t index) override { return memory ? page(index, false).value_or(FrameRef()) : FrameRef(); }

  void touched(ThroughMapping how) override { writes += how == ThroughMapping::Written; }

  bool memory = false;
  unsigned asked = 0, writes = 0;
  std::vector<FrameRef> frames;

 private:
  uint64_t pages_;
};

}  // namespace pl::machine
