// SPDX-License-Identifier: BSD-2-Clause
// One mechanism serves a fork of a template and fork(2): a table that is not this address space's alone is copied before its first
// write. Of a template nothing is counted; of a table shared by fork(2), each page it maps gets one more reference with the copy.
#include "memory/page_table.h"

#include "arch/page_copy.h"
#include "arch/tlb.h"
#include "memory/frame_allocator.h"

namespace pl {
namespace {

ErrorOr<PhysicalAddress> copy_table(PhysicalAddress table) {
  PhysicalAddress copy = TRY(frames::allocate_for_copy());
  copy_page(table_pointer(copy), table_pointer(table));
  if (!frame_is_frozen(table)) {
    const PageTableEntry* entries = table_pointer(copy);
    for (unsigned i = 0; i < TableEntries; i++)
      if (pte::valid(entries[i])) ref_frame(pte::frame_of(entries[i]));
    unref_frame(table);
  }
  return copy;
}

// The table below `entry`, for writing.
ErrorOr<PageTableEntry*> own_table(PageTableEntry& entry) {
  if (pte::valid(entry) && owns_table(pte::frame_of(entry))) return table_pointer(pte::frame_of(entry));
  PhysicalAddress table = TRY(pte::valid(entry) ? copy_table(pte::frame_of(entry)) : frames::allocate_zeroed());
  entry = pte::table(table);
  // Not flush_page(): with an address, sfence.vma need not forget entries above the last level.
  flush_translations();
  return table_pointer(table);
}

}  // namespace

bool owns_table(PhysicalAddress table) { return frames::is_exclusive(table); }

ErrorOr<PageTableEntry*> own_middle(PhysicalAddress root, uint64_t address) {
  return own_table(table_pointer(root)[table_index(address, 2)]);
}

ErrorOr<PageTableEntry*> own_leaf(PhysicalAddress root, uint64_t address) {
  PageTableEntry* middle = TRY(own_middle(root, address));
  PageTableEntry* leaves = TRY(own_table(middle[table_index(address, 1)]));
  return leaves + table_index(address, 0);
}

void drop_leaf_table(PhysicalAddress table) {
  if (owns_table(table)) {
    const PageTableEntry* entries = table_pointer(table);
    for (unsigned i = 0; i < TableEntries; i++)
      if (pte::valid(entries[i])) unref_frame(pte::frame_of(entries[i]));
  }
  unref_frame(table);
}

}  // namespace pl
