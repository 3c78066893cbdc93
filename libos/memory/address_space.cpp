// SPDX-License-Identifier: BSD-2-Clause
// Mappings: made, taken away and changed. Faults are in fault.cpp, fork(2) and the freeze in clone.cpp.
#include "memory/address_space.h"

#include "arch/context.h"
#include "arch/tlb.h"
#include "base/lock.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"
#include "memory/object_window.h"
#include "memory/shared_memory.h"

namespace pl {

ErrorOr<Ref<AddressSpace>> AddressSpace::create() {
  PhysicalAddress root = TRY(frames::allocate_zeroed());
  object_window::copy_kernel_entries(root);
  auto made = make<AddressSpaceImplementation>(root);
  if (!made) {
    unref_frame(root);
    return fail(made.error());
  }
  TRY((*made)->vmas_.reserve_leaf());  // beside it
  return Ref<AddressSpace>(std::move(*made));
}

AddressSpaceImplementation::~AddressSpaceImplementation() {
  if (this_context().address_space == this) {
    set_root(object_window::window().root);
    this_context().address_space = nullptr;
  }
  drop_everything();
  unref_frame(root_);
}

void AddressSpaceImplementation::activate() {
  ContextBlock& context = this_context();
  if (context.address_space == this) return;
  context.address_space = this;
  set_root(root_);
}

ErrorOr<AddressSpaceImplementation::Range> AddressSpaceImplementation::checked_range(UserAddress address, size_t bytes) {
  if (address.page_offset()) return fail(Errno::Invalid);
  if (bytes > HighestUserAddress) return fail(Errno::NoMemory);
  uint64_t rounded = round_up(bytes, PageSize);
  if (address.value > HighestUserAddress || rounded > HighestUserAddress - address.value) return fail(Errno::NoMemory);
  return Range{address.value, address.value + rounded};
}

ErrorOr<uint64_t> AddressSpaceImplementation::choose_place(const MappingRequest& request, uint64_t bytes) const {
  uint64_t wanted = request.address.page().value;
  if (request.placement != Placement::Hint) {
    if (request.address.page_offset()) return fail(Errno::Invalid);
    if (wanted > HighestUserAddress || bytes > HighestUserAddress - wanted) return fail(Errno::NoMemory);
    if (wanted < LowestUserAddress) return fail(Errno::Perm);
    if (request.placement == Placement::FixedNoReplace && any_mapping_in(wanted, wanted + bytes, 0, 0)) return fail(Errno::Exists);
    return wanted;
  }
  if (wanted >= LowestUserAddress && wanted <= HighestUserAddress && bytes <= HighestUserAddress - wanted &&
      !any_mapping_in(wanted, wanted + bytes, 0, 0))
    return wanted;
  uint64_t place = vmas_.find_gap_below(LowestUserAddress, mmap_top_, bytes);
  if (!place) place = vmas_.find_gap_below(LowestUserAddress, HighestUserAddress, bytes);
  if (!place) return fail(Errno::NoMemory);
  return place;
}

bool AddressSpaceImplementation::has_room(uint64_t bytes, bool data) const {
  MemoryLimits limits = current_memory_limits();
  if (mapped_bytes() + bytes > limits.all) return false;
  if (!data || data_bytes() + bytes <= limits.data) return true;
  // A soft limit of 0 is for programs that want to see brk() fail and mmap() work: the hard one holds for it, as on Linux.
  return limits.data == 0 && data_bytes() + bytes <= limits.most_data;
}

ErrorOr<UserAddress> AddressSpaceImplementation::map(const MappingRequest& request) {
  if (request.bytes == 0 || request.offset % PageSize) return fail(Errno::Invalid);
  if (request.bytes > HighestUserAddress) return fail(Errno::NoMemory);
  uint64_t bytes = round_up(request.bytes, PageSize);
  if (request.offset + bytes < request.offset) return fail(Errno::Overflow);
  if (request.protection & ~request.max_protection) return fail(Errno::Access);

  Vma vma;
  vma.offset = request.offset;
  vma.inode = request.inode;
  vma.name = request.name;
  vma.protection = request.protection & 7;
  vma.max_protection = request.max_protection & 7;
  vma.sharing = request.sharing;
  vma.grows_down = request.grows_down;
  vma.locked = request.locked || lock_later_;
  if (!vma.inode && vma.shared()) {
    vma.inode = TRY(SharedMemory::create(bytes));
    vma.offset = 0;
  }
  if (!vma.inode) vma.offset = 0;

  uint64_t more = bytes;
  if (request.placement == Placement::Fixed) {
    Locked lock(Rank::AddressSpace, this);
    uint64_t start = TRY(choose_place(request, bytes)), end = start + bytes;
    // What it takes the place of is gone before it is there.
    for (const Vma& old : vmas_.within(start, end)) more -= (old.end < end ? old.end : end) - (old.start > start ? old.start : start);
  }
  if (!has_room(more, vma.is_data())) return fail(Errno::NoMemory);
  if (request.placement == Placement::Fixed) TRY(unmap(request.address, bytes));
  Locked lock(Rank::AddressSpace, this);
  vma.start = TRY(choose_place(request, bytes));
  vma.end = vma.start + bytes;
  // Here, where no seal can come between the look and the mapping.
  if (vma.shared() && vma.inode->is_write_sealed()) {
    if (vma.writable()) return fail(Errno::Perm);
    vma.max_protection &= ~ProtectionWrite;
  }
  UserAddress start(vma.start);
  TRY(vmas_.insert(std::move(vma)));
  changes_++;
  return start;
}

bool AddressSpaceImplementation::any_mapping_in(uint64_t start, uint64_t end, uint64_t except_start, uint64_t except_end) const {
  for (const Vma& vma : vmas_.within(start, end))
    if (vma.start < except_start || vma.end > except_end) return true;
  return false;
}

bool AddressSpaceImplementation::is_mapped(uint64_t start, uint64_t end) const {
  for (const Vma& vma : vmas_.within(start, end)) {
    if (vma.start > start) return false;
    start = vma.end;
  }
  return start >= end;
}

ErrorOr<void> AddressSpaceImplementation::clear_range(uint64_t start, uint64_t end) {
  most_resident_ = peak_resident();
  for (uint64_t chunk = start; chunk < end;) {
    uint64_t base = chunk / LeafTableSpan * LeafTableSpan, next = next_table(chunk);
    uint64_t stop = next < end ? next : end;
    if (PhysicalAddress table = leaf_table(chunk)) {
      if (!any_mapping_in(base, base + LeafTableSpan, start, end)) {
        // Nothing else is in these 2 MiB: the table goes as a whole.
        TRY(for_each_leaf(chunk, stop, Tables::Look, [&](PageTableEntry&, uint64_t) { resident_--; }));
        TRY(own_middle(chunk))[table_index(chunk, 1)] = 0;
        drop_leaves(table, base, base + LeafTableSpan);
        unref_frame(table);
      } else {
        TRY(for_each_leaf(chunk, stop, Tables::Own, [&](PageTableEntry& leaf, uint64_t) {
          PhysicalAddress frame = pte::frame_of(leaf);
          leaf = 0;
          resident_--;
          unref_frame(frame);
        }));
      }
    }
    chunk = stop;
  }
  flush_translations();
  return {};
}

ErrorOr<void> AddressSpaceImplementation::unmap(UserAddress address, size_t bytes) {
  if (bytes == 0) return fail(Errno::Invalid);
  auto range = checked_range(address, bytes);
  if (!range) return fail(Errno::Invalid);
  {
    Locked lock(Rank::AddressSpace, this);
    auto first = vmas_.find(range->start);
    if (!first || first->start >= range->end) return {};
    TRY(vmas_.split(range->start));
    TRY(vmas_.split(range->end));
    TRY(clear_range(range->start, range->end));
    changes_++;
  }
  // One at a time: what a mapping refers to may be freed with it, and that is no business of this lock.
  for (;;) {
    Vma removed;
    Locked lock(Rank::AddressSpace, this);
    auto first = vmas_.find(range->start);
    if (!first || first->start >= range->end) return {};
    removed = vmas_.take(*first);
  }
}

ErrorOr<void> AddressSpaceImplementation::protect(UserAddress address, size_t bytes, uint32_t protection) {
  Range range = TRY(checked_range(address, bytes));
  if (range.start == range.end) return {};
  Locked lock(Rank::AddressSpace, this);
  if (!is_mapped(range.start, range.end)) return fail(Errno::NoMemory);
  for (const Vma& vma : vmas_.within(range.start, range.end))
    if (protection & ~vma.max_protection & 7) return fail(Errno::Access);
  TRY(vmas_.split(range.start));
  TRY(vmas_.split(range.end));
  changes_++;
  ErrorOr<void> done;
  for (Vma& vma : vmas_.within(range.start, range.end)) {
    if (vma.protection == (protection & 7)) continue;
    bool becomes_data = (protection & ProtectionWrite) && !vma.writable() && !vma.shared() && !vma.grows_down;
    if (becomes_data && !has_room(vma.bytes(), true) && has_room(vma.bytes(), false)) {
      done = fail(Errno::NoMemory);  // those before it stay changed, as on Linux
      break;
    }
    vmas_.set_protection(vma, protection & 7);
    // Writable pages stay so; the others become it at the next write, which knows whether that needs a copy.
    PageTableEntry bits = leaf_permissions(vma.protection);
    TRY(for_each_leaf(vma.start, vma.end, Tables::Own, [&](PageTableEntry& leaf, uint64_t) {
      PageTableEntry write = vma.writable() ? leaf & pte::Write : 0;
      leaf = pte::leaf(pte::frame_of(leaf), bits | write);
    }));
  }
  vmas_.join(range.start, range.end);
  flush_translations();
  if (protection & ProtectionExecute) flush_instructions();
  return done;
}

UserAddress AddressSpaceImplementation::set_break(UserAddress address) {
  uint64_t wanted = address.value;
  if (wanted < break_start_ || wanted > HighestUserAddress) return UserAddress(break_);
  if (wanted - break_start_ + program_data_ > current_memory_limits().data) return UserAddress(break_);
  uint64_t old_end = round_up(break_, PageSize), new_end = round_up(wanted, PageSize);
  if (new_end < old_end) {
    if (!unmap(UserAddress(new_end), old_end - new_end)) return UserAddress(break_);
  } else if (new_end > old_end) {
    MappingRequest request;
    request.address = UserAddress(old_end);
    request.bytes = new_end - old_end;
    request.protection = ProtectionRead | ProtectionWrite;
    request.placement = Placement::FixedNoReplace;
    request.name = "[heap]";
    if (!map(request)) return UserAddress(break_);
  }
  break_ = wanted;
  return address;
}

void AddressSpaceImplementation::for_each(bool (*visit)(void*, const MappingView&), void* context) {
  // The visitor may write to user memory, which may fault: no lock, and by address, since the list may change meanwhile.
  for (uint64_t address = 0;;) {
    auto at = vmas_.find(address);
    if (!at) return;
    Vma vma = *at;
    if (!visit(context, {UserAddress(vma.start), UserAddress(vma.end), vma.protection, vma.sharing, vma.inode.get(), vma.offset, vma.name})) return;
    address = vma.end;
  }
}

bool AddressSpaceImplementation::may_write(const Inode& inode) {
  Locked lock(Rank::AddressSpace, this);
  for (const Vma& vma : vmas_)
    if (vma.inode.get() == &inode && vma.shared() && vma.max_protection & ProtectionWrite) return true;
  return false;
}

AddressSpace::Totals AddressSpaceImplementation::totals() {
  Locked lock(Rank::AddressSpace, this);
  Totals totals{};
  for (const Vma& vma : vmas_) {
    totals.mapped_pages += (vma.end - vma.start) >> PageShift;
    (void)for_each_leaf(vma.start, vma.end, Tables::Look, [&](PageTableEntry&, uint64_t) { totals.resident_pages++; });
  }
  return totals;
}

}  // namespace pl
