// SPDX-License-Identifier: BSD-2-Clause
// fork(2) and the freeze. A child shares its parent's last-level tables, in which nothing private is writable any more; whoever writes
// first gets a table of its own, then a page. The freeze leaves tables in the same state.
#include "arch/tlb.h"
#include "base/lock.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"

namespace pl {

ErrorOr<Ref<AddressSpace>> AddressSpaceImplementation::clone() {
  Ref<AddressSpace> made = TRY(AddressSpace::create());
  auto& child = static_cast<AddressSpaceImplementation&>(*made);
  Locked lock(Rank::AddressSpace, this);
  child.dumpable = dumpable;
  child.break_start_ = break_start_;
  child.break_ = break_;
  child.program_data_ = program_data_;
  child.mmap_top_ = mmap_top_;
  for (const Vma& vma : vmas_) {
    if (vma.not_in_child) continue;
    Vma copy(vma);
    copy.locked = false;
    TRY(child.vmas_.insert(std::move(copy)));
  }

  // Tables that are shared already have nothing writable.
  for (const Vma& vma : vmas_) {
    if (vma.shared()) continue;
    for (uint64_t at = vma.start; at < vma.end; at = next_table(at)) {
      PhysicalAddress table = leaf_table(at);
      if (!table || !owns_table(table)) continue;
      uint64_t stop = next_table(at);
      TRY(for_each_leaf(at, stop < vma.end ? stop : vma.end, Tables::Look, [](PageTableEntry& leaf, uint64_t) { leaf &= ~pte::Write; }));
    }
  }
  flush_translations();

  for (const Vma& vma : vmas_) {
    for (uint64_t at = vma.start; at < vma.end; at = next_table(at)) {
      PhysicalAddress table = leaf_table(at);
      if (!table) continue;
      PageTableEntry& entry = TRY(child.own_middle(at))[table_index(at, 1)];
      if (pte::valid(entry)) continue;  // another mapping in the same 2 MiB was first
      ref_frame(table);
      entry = pte::table(table);
      if (!frame_is_frozen(table)) table_pointer(pte::frame_of(table_pointer(root_)[table_index(at, 2)]))[table_index(at, 1)] = entry;
    }
  }
  child.resident_ = resident_;
  for (const Vma& vma : vmas_) {
    if (!vma.not_in_child && !vma.wiped_in_child) continue;
    // Counted here: what is no mapping of the child's need not be in its tables.
    uint64_t left = child.resident_;
    TRY(for_each_leaf(vma.start, vma.end, Tables::Look, [&](PageTableEntry&, uint64_t) { left--; }));
    TRY(child.clear_range(vma.start, vma.end));
    child.resident_ = left;
  }
  child.most_resident_ = 0;
  return made;
}

ErrorOr<void> AddressSpaceImplementation::prepare_freeze() {
  for (const Vma& vma : vmas_) {
    // Wiped, or another page in each instance, or one that a later write through another mapping would replace: looked up anew.
    bool per_instance = vma.inode && !(vma.max_protection & ProtectionWrite);
    if (vma.wiped_in_child || vma.shared() || per_instance) TRY(clear_range(vma.start, vma.end));
    if (vma.inode && !vma.shared()) map_around(vma, ~uint64_t(0), vma.start, vma.end);
    // What was never touched and will be written needs no table of its own later.
    if (!vma.inode && !vma.grows_down && vma.end - vma.start <= LeafTableSpan) {
      for (uint64_t at = vma.start; at < vma.end; at += PageSize) {
        PageTableEntry* leaf = TRY(own_leaf(at));
        if (pte::valid(*leaf)) continue;
        *leaf = pte::leaf(frames::zero_frame(), leaf_permissions(vma.protection));
        resident_++;
      }
    }
    TRY(for_each_leaf(vma.start, vma.end, Tables::Look, [](PageTableEntry& leaf, uint64_t) { leaf &= ~pte::Write; }));
  }
  disown_tables();
  flush_translations();
  return {};
}

uint64_t AddressSpaceImplementation::likely_private_pages() const {
  // Of a large mapping nobody knows how much a run will write.
  constexpr uint64_t Small = 12, MostData = 16, StackPages = 1, TablesOverOne = 2;
  uint64_t data = 0, tables = TablesOverOne, known = 0;  // known: the end of what the tables counted so far map
  for (const Vma& vma : vmas_) {
    uint64_t pages = (vma.end - vma.start) >> PageShift;
    if (!vma.writable() || vma.shared() || pages > Small) continue;
    data += pages;
    if (vma.start >= known) tables += vma.start / MiddleTableSpan == (known - 1) / MiddleTableSpan ? 1 : TablesOverOne;
    known = (vma.start / LeafTableSpan + 1) * LeafTableSpan;
  }
  return (data < MostData ? data : MostData) + tables + StackPages;
}

}  // namespace pl
