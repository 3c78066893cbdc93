// SPDX-License-Identifier: BSD-2-Clause
// The object window's tables: which pages of the libOS's own memory are there, and how a fork gets private ones. Its entries also say
// which places are in use, so there is no other book of them.
#pragma once

#include <cstdint>

#include "arch/layout.h"
#include "base/address.h"
#include "base/error.h"
#include "memory/page_table.h"

namespace pl::object_window {

struct Window {
  PhysicalAddress root;    // kernel root: what runs when no address space does
  PhysicalAddress middle;  // maps the window's 1 GiB; shared by all roots
  // In a fork, bytes that are the template's: from the window's start, and from 4 MiB on. The 2 MiB between are the fork's own.
  uint64_t frozen_low = 0, frozen_high = 0;
  uint64_t first_free = 0;  // page numbers in the window: no free place is below this one
  uint64_t limit = 0;       // ... nor beyond this one before `resume`
  uint64_t resume = 0;
};
Window& window();
bool shadow_of_template();  // in a fork

// The leaf entry of a place, tables made or made private on the way.
ErrorOr<PageTableEntry*> own_entry(uint64_t address);
// For looking; null where there is no table.
PageTableEntry* find_entry(uint64_t address);

// The unmapped page below a stack.
bool is_guard(uint64_t address);

// A store of the libOS found a page that is not writable, or an access none at all: true when it may be repeated. Runs on the fault stack,
// touches nothing that can fault.
bool handle_fault(uint64_t address, bool store);

// The kernel half of a root table.
void copy_kernel_entries(PhysicalAddress root);

}  // namespace pl::object_window
