// SPDX-License-Identifier: BSD-2-Clause
// mremap, madvise, msync and mincore.
#include "arch/tlb.h"
#include "base/lock.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"
#include "memory/user.h"

namespace pl {
namespace {

constexpr uint32_t MayMove = 1, FixedPlace = 2, DontUnmap = 4;  // MREMAP_*
enum Advice {
  AdviceNormal = 0, AdviceRandom = 1, AdviceSequential = 2, AdviceWillNeed = 3, AdviceDontNeed = 4, AdviceFree = 8, AdviceDontFork = 10,
  AdviceDoFork = 11, AdviceMergeable = 12, AdviceUnmergeable = 13, AdviceHugePage = 14, AdviceNoHugePage = 15, AdviceDontDump = 16,
  AdviceDoDump = 17, AdviceWipeOnFork = 18, AdviceKeepOnFork = 19, AdviceCold = 20, AdvicePageOut = 21, AdvicePopulateRead = 22,
  AdvicePopulateWrite = 23,
};

}  // namespace

ErrorOr<void> AddressSpaceImplementation::move_pages(uint64_t from, uint64_t to, uint64_t bytes) {
  for (uint64_t offset = 0; offset < bytes; offset += PageSize) {
    PageTableEntry* seen = find_leaf(root_, from + offset);
    if (!seen || !pte::valid(*seen)) continue;
    PageTableEntry* target = TRY(own_leaf(to + offset));
    PageTableEntry* source = TRY(own_leaf(from + offset));
    *target = *source;
    *source = 0;
  }
  flush_translations();
  return {};
}

ErrorOr<UserAddress> AddressSpaceImplementation::remap(UserAddress old_address, size_t old_bytes, size_t new_bytes, uint32_t flags, UserAddress new_address) {
  if (flags & ~(MayMove | FixedPlace | DontUnmap)) return fail(Errno::Invalid);
  if ((flags & (FixedPlace | DontUnmap)) && !(flags & MayMove)) return fail(Errno::Invalid);
  if ((flags & DontUnmap) && old_bytes != new_bytes) return fail(Errno::Invalid);
  if (new_bytes == 0 || old_bytes == 0 || old_address.page_offset()) return fail(Errno::Invalid);
  auto old_range = checked_range(old_address, old_bytes);
  if (!old_range) return fail(Errno::Invalid);
  if (new_bytes > HighestUserAddress) return fail(Errno::NoMemory);
  uint64_t old_size = old_range->end - old_range->start, new_size = round_up(new_bytes, PageSize);
  if (flags & FixedPlace) {
    Range place = TRY(checked_range(new_address, new_bytes));
    if (place.start < old_range->end && old_range->start < place.end) return fail(Errno::Invalid);
    TRY(unmap(new_address, new_size));
  }
  if (new_size < old_size) {
    TRY(unmap(UserAddress(old_range->start + new_size), old_size - new_size));
    old_size = new_size;
    old_range->end = old_range->start + new_size;
  }
  if (new_size == old_size && !(flags & (FixedPlace | DontUnmap))) return old_address;

  {
    Locked lock(Rank::AddressSpace, this);
    Vma* vma = vmas_.holding(old_range->start);
    if (!vma || vma->end < old_range->end) return fail(Errno::Fault);
    if ((flags & DontUnmap) && (vma->inode || vma->shared())) return fail(Errno::Invalid);
    if (!has_room(flags & DontUnmap ? old_size : new_size - old_size, vma->is_data())) return fail(Errno::NoMemory);
    if (!(flags & (FixedPlace | DontUnmap)) && vma->end == old_range->end && old_range->start + new_size <= HighestUserAddress &&
        !any_mapping_in(old_range->end, old_range->start + new_size, 0, 0)) {
      uint64_t end = old_range->start + new_size;
      vmas_.resize(*vma, vma->start, end);
      vmas_.join(end, end);
      changes_++;
      return old_address;
    }
    if (!(flags & MayMove)) return fail(Errno::NoMemory);
    uint64_t place = new_address.value;
    if (!(flags & FixedPlace)) place = vmas_.find_gap_below(LowestUserAddress, mmap_top_, new_size);
    if (!place) return fail(Errno::NoMemory);
    Vma moved = *vma;
    moved.offset = moved.inode ? vma->offset + (old_range->start - vma->start) : 0;
    moved.start = place;
    moved.end = place + new_size;
    TRY(vmas_.insert(std::move(moved)));
    changes_++;
    TRY(move_pages(old_range->start, place, old_size));
    new_address = UserAddress(place);
  }
  if (!(flags & DontUnmap)) TRY(unmap(old_address, old_size));
  return new_address;
}

ErrorOr<void> AddressSpaceImplementation::advise(UserAddress address, size_t bytes, int advice) {
  auto range = checked_range(address, bytes);
  if (!range) return fail(Errno::Invalid);
  if (range->start == range->end) return {};
  bool complete = is_mapped(range->start, range->end);
  switch (advice) {
    case AdviceNormal: case AdviceRandom: case AdviceSequential: case AdviceWillNeed: case AdviceMergeable: case AdviceUnmergeable:
    case AdviceHugePage: case AdviceNoHugePage: case AdviceDontDump: case AdviceDoDump: case AdviceCold: case AdvicePageOut:
      break;
    case AdviceFree:
    case AdviceDontNeed: {
      Locked lock(Rank::AddressSpace, this);
      if (advice == AdviceFree)
        for (const Vma& vma : vmas_.within(range->start, range->end))
          if (vma.inode || vma.shared()) return fail(Errno::Invalid);
      most_resident_ = peak_resident();
      TRY(for_each_leaf(range->start, range->end, Tables::Own, [&](PageTableEntry& leaf, uint64_t) {
        PhysicalAddress frame = pte::frame_of(leaf);
        leaf = 0;
        resident_--;
        unref_frame(frame);
      }));
      flush_translations();
      break;
    }
    case AdviceDontFork: case AdviceDoFork: case AdviceWipeOnFork: case AdviceKeepOnFork: {
      Locked lock(Rank::AddressSpace, this);
      if (advice == AdviceWipeOnFork)
        for (const Vma& vma : vmas_.within(range->start, range->end))
          if (vma.inode || vma.shared()) return fail(Errno::Invalid);
      TRY(change_mappings(*range, [&](Vma& vma) {
        if (advice == AdviceDontFork || advice == AdviceDoFork)
          vma.not_in_child = advice == AdviceDontFork;
        else
          vma.wiped_in_child = advice == AdviceWipeOnFork;
      }));
      break;
    }
    case AdvicePopulateRead:
    case AdvicePopulateWrite:
      for (uint64_t at = range->start; at < range->end; at += PageSize) {
        auto fault = TRY(handle_fault(UserAddress(at), advice == AdvicePopulateWrite ? FaultAccess::Write : FaultAccess::Read));
        if (fault.signal) return fail(fault.signal != 11 ? Errno::Fault : fault.code == 1 ? Errno::NoMemory : Errno::Invalid);
      }
      break;
    default:
      return fail(Errno::Invalid);
  }
  if (!complete) return fail(Errno::NoMemory);
  return {};
}

ErrorOr<void> AddressSpaceImplementation::set_locked(UserAddress address, size_t bytes, bool locked) {
  Range range = TRY(checked_range(address, bytes));
  if (range.start == range.end) return {};
  Locked lock(Rank::AddressSpace, this);
  if (!is_mapped(range.start, range.end)) return fail(Errno::NoMemory);
  return change_mappings(range, [&](Vma& vma) { vma.locked = locked; });
}

ErrorOr<void> AddressSpaceImplementation::set_all_locked(bool now, bool later) {
  Locked lock(Rank::AddressSpace, this);
  lock_later_ = later;
  if (now || !later)
    for (Vma& vma : vmas_) vma.locked = now;
  return {};
}

ErrorOr<void> AddressSpaceImplementation::synchronize(UserAddress address, size_t bytes, int flags) {
  constexpr int Async = 1, Invalidate = 2, Sync = 4;  // MS_*
  if ((flags & ~(Async | Invalidate | Sync)) || (flags & (Async | Sync)) == (Async | Sync)) return fail(Errno::Invalid);
  auto range = checked_range(address, bytes);
  if (!range) return fail(address.page_offset() ? Errno::Invalid : Errno::NoMemory);
  if (!is_mapped(range->start, range->end)) return fail(Errno::NoMemory);
  if (flags & Invalidate)
    for (const Vma& vma : vmas_.within(range->start, range->end))
      if (vma.locked) return fail(Errno::Busy);
  // Every shared mapping is of memory inside: there is nothing behind it to write to.
  return {};
}

ErrorOr<void> AddressSpaceImplementation::resident(UserAddress address, size_t bytes, UserAddress vector) {
  if (address.page_offset()) return fail(Errno::Invalid);
  Range range = TRY(checked_range(address, bytes));
  if (!is_mapped(range.start, range.end)) return fail(Errno::NoMemory);
  for (uint64_t at = range.start; at < range.end; at += PageSize) {
    const PageTableEntry* leaf = find_leaf(root_, at);
    uint8_t present = leaf && pte::valid(*leaf);
    TRY(copy_to_user(vector + ((at - range.start) >> PageShift), &present, 1));
  }
  return {};
}

}  // namespace pl
