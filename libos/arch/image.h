// SPDX-License-Identifier: BSD-2-Clause
// Places that the linker script names. In early code, which runs at physical addresses, they are physical too.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
// The two parts of the image: what forks share, and what each has of its own.
extern std::byte __image_start[], __text_end[], __rodata_end[], __data_end[], __object_start[];
extern std::byte __hot_start[], __hot_copied[], __hot_end[], __fault_stack[], __fault_stack_top[], __boot_stack[], __boot_stack_top[], __private_end[];
void trap_entry();
void fork_start();
void resume_start();
}

namespace pl {

// What early code, which has no variables, leaves in the boot page (at PL_BOOT_HANDOVER) for the C++ that follows.
struct Handover {
  uint64_t root, middle;          // kernel tables
  uint64_t next;                  // lowest frame not in use
  uint64_t entered;               // instructions retired at the first line
  // Cold only.
  uint64_t counts, first, end, zero_frame;
};

// What a fork builds itself from; in the template's data, found by the freeze's cookie. All addresses are physical.
struct FreezeRecord {
  static constexpr unsigned MaxUserEntries = 24, MaxRuns = 24;
  uint64_t middle;
  uint64_t hot;
  uint32_t middle_used;  // entries
  uint32_t user_entries;
  uint32_t runs;
  struct { uint64_t index, entry; } user[MaxUserEntries];
  // What of the hot block is not zero, in multiples of 32 bytes: a fork's memory is zero already.
  struct { uint32_t offset, bytes; } run[MaxRuns];
};

}  // namespace pl
