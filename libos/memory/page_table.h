// SPDX-License-Identifier: BSD-2-Clause
// Sv39 page-table entries (privileged specification, 12.4) and tables as frames.
#pragma once

#include <cstdint>

#include "arch/layout.h"
#include "base/address.h"
#include "base/error.h"
#include "memory/frame.h"

namespace pl {

using PageTableEntry = uint64_t;

namespace pte {
constexpr PageTableEntry Valid = 1, Read = 2, Write = 4, Execute = 8, User = 16, Global = 32, Accessed = 64, Dirty = 128;
// Software bits. A leaf of the object window that becomes writable with a private copy; a place that gets a zeroed page when it is
// touched; a place that is in use but has no page (both of entries that are not valid).
constexpr PageTableEntry CopyOnWrite = 1u << 8, Demand = 1u << 9, Guard = 1u << 8;
// Of the entry of a table: nobody else has that table, so that it may be written in place. Without it, its references tell.
constexpr PageTableEntry Own = 1u << 8;

// Accessed and dirty are always set: a page walk must not write a table that may be shared.
constexpr PageTableEntry leaf(PhysicalAddress frame, PageTableEntry permissions) {
  return frame.value >> 2 | Valid | Accessed | Dirty | permissions;
}
constexpr PageTableEntry table(PhysicalAddress frame) { return frame.value >> 2 | Valid; }
constexpr PhysicalAddress frame_of(PageTableEntry entry) { return PhysicalAddress(entry >> 10 << PageShift); }
constexpr bool valid(PageTableEntry entry) { return entry & Valid; }
}  // namespace pte

constexpr unsigned TableEntries = 512;
constexpr uint64_t LeafTableSpan = uint64_t(TableEntries) << PageShift;  // 2 MiB: what a last-level table maps
constexpr uint64_t MiddleTableSpan = LeafTableSpan * TableEntries;      // 1 GiB

// Level 2 is the root, level 0 holds the pages.
constexpr unsigned table_index(uint64_t address, unsigned level) { return address >> (PageShift + 9 * level) & (TableEntries - 1); }

inline PageTableEntry* table_pointer(PhysicalAddress table) { return static_cast<PageTableEntry*>(frame_pointer(table)); }

// The leaf entry of an address, or null where there is no last-level table. For looking only: the table may be shared.
inline PageTableEntry* find_leaf(PhysicalAddress root, uint64_t address) {
  PageTableEntry entry = table_pointer(root)[table_index(address, 2)];
  if (!pte::valid(entry)) return nullptr;
  entry = table_pointer(pte::frame_of(entry))[table_index(address, 1)];
  if (!pte::valid(entry)) return nullptr;
  return table_pointer(pte::frame_of(entry)) + table_index(address, 0);
}

// Whether a table may be written in place.
bool owns_table(PhysicalAddress table);

}  // namespace pl
