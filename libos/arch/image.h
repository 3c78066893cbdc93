// SPDX-License-Identifier: BSD-2-Clause
// Places that the linker script names. In early code, which runs at physical addresses, they are physical too.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {
extern std::byte __image_start[], __text_end[], __rodata_end[], __hot_start[], __hot_used[], __hot_end[], __image_end[], __bss_end[];
extern std::byte __fault_stack[], __fault_stack_top[], __boot_stack[], __boot_stack_top[], __object_start[];
void trap_entry();
void fork_start();
}

namespace pl {

// What early code, which has no variables, leaves in the boot page (at PL_BOOT_HANDOVER) for the C++ that follows.
struct Handover {
  uint64_t root, middle, leaves;  // kernel tables
  uint64_t next;                  // lowest frame not in use
  uint64_t entered;               // instructions retired at the first line
  // Cold only.
  uint64_t counts, first, end, zero_frame;
};

// What a fork builds itself from; in the template's data, found by the freeze's cookie. All addresses are physical.
struct FreezeRecord {
  static constexpr unsigned MaxUserEntries = 24;
  uint64_t root, middle, leaves;
  uint32_t middle_used, leaves_used;  // entries
  uint32_t user_entries;
  uint32_t hot_page;  // number in the image of the first hot page
  uint32_t hot_pages, hot_bytes;
  uint32_t fault_stack_page, boot_stack_page;
  struct { uint64_t index, entry; } user[MaxUserEntries];
};

}  // namespace pl
