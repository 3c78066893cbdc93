// SPDX-License-Identifier: BSD-2-Clause
// One mechanism serves a fork of a template and fork(2): a table that is not this address space's alone is replaced by a copy before
// its first write. Of a template nothing is counted; of a table shared by fork(2), each page it maps gets one more reference with the
// copy. Outside mappings a table is empty, so only what they cover is copied or looked at.
#include "memory/page_table.h"

#include <cstring>

#include "arch/tlb.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"

namespace pl {
namespace {

// Calls visit(first, last) with the entries of a table over [start, start + span) that mappings reach; a range may come twice in part.
template <class Visit>
void for_each_covered(const VmaTree& vmas, uint64_t start, uint64_t span, uint64_t unit, Visit visit) {
  uint64_t stop = start + span;
  for (const Vma& vma : vmas.within(start, stop)) {
    uint64_t low = vma.start > start ? vma.start : start;
    uint64_t high = vma.end < stop ? vma.end : stop;
    visit(unsigned((low - start) / unit), unsigned((high - 1 - start) / unit));
  }
}

}  // namespace

bool owns_table(PhysicalAddress table) { return frames::is_exclusive(table); }

// The table below `entry`, which maps `span` bytes around `address`, for writing.
ErrorOr<PageTableEntry*> AddressSpaceImplementation::own_table(PageTableEntry& entry, uint64_t address, uint64_t span) {
  if (pte::valid(entry) && owns_table(pte::frame_of(entry))) {
    entry |= pte::Own;
    return table_pointer(pte::frame_of(entry));
  }
  PhysicalAddress made = TRY(frames::allocate_zeroed());
  if (pte::valid(entry)) {
    PhysicalAddress old = pte::frame_of(entry);
    const frames::Immortals immortals = frames::immortals();
    bool counted = !immortals.hold(old);
    PageTableEntry* to = table_pointer(made);
    const PageTableEntry* from = table_pointer(old);
    for_each_covered(vmas_, address / span * span, span, span / TableEntries, [&](unsigned first, unsigned last) {
      if (!counted) {
        std::memcpy(to + first, from + first, (last - first + 1) * sizeof(PageTableEntry));
        return;
      }
      for (unsigned i = first; i <= last; i++) {
        PageTableEntry e = from[i];
        // The first and the last may be another mapping's too: not counted twice.
        if (!e) continue;
        if (!immortals.hold(pte::frame_of(e)) && !to[i]) ref_frame(pte::frame_of(e));
        to[i] = e;
      }
    });
    if (counted) unref_frame(old);
  }
  entry = pte::table(made) | pte::Own;
  // Not flush_page(): with an address, sfence.vma need not forget entries above the last level.
  flush_translations();
  return table_pointer(made);
}

ErrorOr<PageTableEntry*> AddressSpaceImplementation::own_middle(uint64_t address) {
  return own_table(table_pointer(root_)[table_index(address, 2)], address, MiddleTableSpan);
}

ErrorOr<PageTableEntry*> AddressSpaceImplementation::make_own_leaf(uint64_t address) {
  PageTableEntry* middle = TRY(own_middle(address));
  PageTableEntry* leaves = TRY(own_table(middle[table_index(address, 1)], address, LeafTableSpan));
  return leaves + table_index(address, 0);
}

void AddressSpaceImplementation::disown_tables() {
  PageTableEntry* root = table_pointer(root_);
  for (unsigned i = 0; i < TableEntries / 2; i++) {
    if (!(root[i] & pte::Own)) continue;
    PageTableEntry* middle = table_pointer(pte::frame_of(root[i]));
    for (unsigned j = 0; j < TableEntries; j++) middle[j] &= ~pte::Own;
    root[i] &= ~pte::Own;
  }
}

PhysicalAddress AddressSpaceImplementation::leaf_table(uint64_t address) const {
  PageTableEntry entry = table_pointer(root_)[table_index(address, 2)];
  if (!pte::valid(entry)) return {};
  entry = table_pointer(pte::frame_of(entry))[table_index(address, 1)];
  return pte::valid(entry) ? pte::frame_of(entry) : PhysicalAddress{};
}

uint64_t AddressSpaceImplementation::next_table(uint64_t address) const {
  bool middle = pte::valid(table_pointer(root_)[table_index(address, 2)]);
  uint64_t span = middle ? LeafTableSpan : MiddleTableSpan;
  return (address / span + 1) * span;
}

void AddressSpaceImplementation::drop_leaves(PhysicalAddress table, uint64_t start, uint64_t end) {
  if (!owns_table(table)) return;
  const frames::Immortals immortals = frames::immortals();
  PageTableEntry* leaf = table_pointer(table) + table_index(start, 0);
  for (PageTableEntry* stop = leaf + ((end - start) >> PageShift); leaf < stop; leaf++) {
    PageTableEntry e = *leaf;
    if (!e) continue;
    if (!immortals.hold(pte::frame_of(e))) unref_frame(pte::frame_of(e));
    *leaf = 0;
  }
}

// Every page and table of user space. Tables exist only below mappings, but for middle tables that became empty.
void AddressSpaceImplementation::drop_everything() {
  for (auto mapping = vmas_.begin(); mapping; ++mapping) {
    const Vma& vma = *mapping;
    for (uint64_t at = vma.start; at < vma.end;) {
      uint64_t next = next_table(at);
      uint64_t stop = next < vma.end ? next : vma.end;
      PhysicalAddress table = leaf_table(at);
      if (table && !frame_is_frozen(table)) {
        drop_leaves(table, at, stop);
        auto following = mapping.next();
        bool last = stop != vma.end || !following || following->start >= next;
        if (last) {
          // Its middle table is this one's own: a template's has only a template's tables below it.
          unref_frame(table);
          table_pointer(pte::frame_of(table_pointer(root_)[table_index(at, 2)]))[table_index(at, 1)] = 0;
        }
      }
      at = stop;
    }
  }
  PageTableEntry* root = table_pointer(root_);
  for (unsigned i = 0; i < TableEntries / 2; i++) {
    if (!pte::valid(root[i])) continue;
    unref_frame(pte::frame_of(root[i]));
    root[i] = 0;
  }
}

}  // namespace pl
