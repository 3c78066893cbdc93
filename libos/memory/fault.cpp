// SPDX-License-Identifier: BSD-2-Clause
// A program's page faults: demand paging and copy-on-write.
#include "arch/page_copy.h"
#include "arch/tlb.h"
#include "base/lock.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"

namespace pl {
namespace {

// signal.h: what a program is told.
constexpr AddressSpace::Fault Resolved{0, 0}, NotMapped{11, 1}, NotAllowed{11, 2}, NoPage{7, 2};

constexpr uint64_t StackGap = 256 * PageSize;  // unmapped pages kept below what grows down, as on Linux
constexpr uint64_t AroundBytes = 16 * PageSize;

bool allows(const Vma& vma, FaultAccess access) {
  switch (access) {
    case FaultAccess::Read: return vma.protection & (ProtectionRead | ProtectionWrite);
    case FaultAccess::Write: return vma.protection & ProtectionWrite;
    case FaultAccess::Execute: return vma.protection & ProtectionExecute;
  }
  return false;
}

bool entry_allows(PageTableEntry entry, FaultAccess access) {
  if (!pte::valid(entry) || !(entry & pte::User)) return false;
  switch (access) {
    case FaultAccess::Read: return entry & pte::Read;
    case FaultAccess::Write: return entry & pte::Write;
    case FaultAccess::Execute: return entry & pte::Execute;
  }
  return false;
}

// Takes the place of whatever the leaf showed.
void set_leaf(PageTableEntry& leaf, PageTableEntry entry, uint64_t address) {
  PageTableEntry old = leaf;
  leaf = entry;
  flush_page(address);
  if (entry & pte::Execute) flush_instructions();
  if (pte::valid(old)) unref_frame(pte::frame_of(old));
}

}  // namespace

Vma* AddressSpaceImplementation::grow_down_to(uint64_t address) {
  auto at = vmas_.find(address);
  if (!at) return nullptr;
  Vma& vma = *at;
  if (!vma.grows_down || address < LowestUserAddress) return nullptr;
  if (vma.end - address > current_memory_limits().stack || !has_room(vma.start - address, false)) return nullptr;
  const Vma* below = vmas_.before(address);
  if (below && address - below->end < StackGap) return nullptr;
  vmas_.resize(vma, address, vma.end);
  changes_++;
  return &vma;
}

ErrorOr<AddressSpace::Fault> AddressSpaceImplementation::place_anonymous(const Vma& vma, uint64_t address, FaultAccess access) {
  PageTableEntry* leaf = TRY(own_leaf(address));
  PageTableEntry bits = leaf_permissions(vma.protection);
  if (access == FaultAccess::Write)
    set_leaf(*leaf, pte::leaf(TRY(frames::allocate_zeroed()), bits | pte::Write), address);
  else
    set_leaf(*leaf, pte::leaf(frames::zero_frame(), bits), address);
  resident_++;
  return Resolved;
}

ErrorOr<AddressSpace::Fault> AddressSpaceImplementation::break_copy_on_write(const Vma& vma, uint64_t address) {
  PageTableEntry* leaf = TRY(own_leaf(address));
  PageTableEntry bits = leaf_permissions(vma.protection) | pte::Write;
  PhysicalAddress old = pte::frame_of(*leaf);
  if (frames::is_exclusive(old)) {
    *leaf = pte::leaf(old, bits);
    flush_page(address);
    return Resolved;
  }
  PhysicalAddress frame;
  if (old == frames::zero_frame()) {
    frame = TRY(frames::allocate_zeroed());
  } else {
    frame = TRY(frames::allocate_for_copy());
    copy_page(frame_pointer(frame), frame_pointer(old));
  }
  set_leaf(*leaf, pte::leaf(frame, bits), address);
  return Resolved;
}

ErrorOr<AddressSpace::Fault> AddressSpaceImplementation::place_file_page(const Vma& vma, uint64_t address, FrameRef page, FaultAccess access) {
  PageTableEntry* leaf = TRY(own_leaf(address));
  PageTableEntry bits = leaf_permissions(vma.protection);
  const bool is_new = !pte::valid(*leaf);
  if (access == FaultAccess::Write && !vma.shared()) {
    PhysicalAddress copy = TRY(frames::allocate_for_copy());
    copy_page(frame_pointer(copy), page.data());
    set_leaf(*leaf, pte::leaf(copy, bits | pte::Write), address);
  } else {
    if (access == FaultAccess::Write) bits |= pte::Write;
    set_leaf(*leaf, pte::leaf(page.leak(), bits), address);
  }
  resident_ += is_new;
  return Resolved;
}

// Shows what is in memory anyway and not mapped yet, read-only. Nothing depends on it.
void AddressSpaceImplementation::map_around(const Vma& vma, uint64_t address, uint64_t start, uint64_t end) {
  if (start < vma.start) start = vma.start;
  if (end > vma.end) end = vma.end;
  PageTableEntry bits = leaf_permissions(vma.protection);
  for (uint64_t at = start; at < end; at += PageSize) {
    if (at == address) continue;
    PageTableEntry* seen = find_leaf(root_, at);
    if (seen && pte::valid(*seen)) continue;
    FrameRef page = vma.inode->page_in_memory(vma.page_index(at));
    if (!page) continue;
    auto leaf = own_leaf(at);
    if (!leaf) return;
    **leaf = pte::leaf(page.leak(), bits);
    resident_++;
  }
}

// Apart, so that a fault that needs no file saves few registers.
[[gnu::noinline]] ErrorOr<AddressSpace::Fault> AddressSpaceImplementation::show_file_page(uint64_t address, FaultAccess access) {
  Ref<Inode> inode;
  uint64_t index;
  uint32_t seen;
  bool shared_write;
  {
    Locked lock(Rank::AddressSpace, this);
    const Vma* vma = vmas_.holding(address);
    if (!vma || !vma->inode) return fail(Errno::Again);
    inode = vma->inode;
    index = vma->page_index(address);
    // A page that a later write elsewhere would replace must not stay behind in a shared mapping.
    shared_write = vma->shared() && (access == FaultAccess::Write || vma->max_protection & ProtectionWrite);
    seen = changes_;
  }
  // May wait for the host, so without the lock.
  auto page = inode->page(index, shared_write);
  if (!page) {
    if (page.error() == Errno::NoMemory || page.error() == Errno::Interrupted) return fail(page.error());
    return NoPage;
  }
  if (shared_write && access == FaultAccess::Write) inode->touched(Inode::ThroughMapping::Written);
  Locked lock(Rank::AddressSpace, this);
  if (changes_ != seen) return fail(Errno::Again);
  const Vma& vma = *vmas_.holding(address);
  auto result = place_file_page(vma, address, std::move(*page), access);
  if (result && access != FaultAccess::Write)
    map_around(vma, address, address / AroundBytes * AroundBytes, address / AroundBytes * AroundBytes + AroundBytes);
  return result;
}

ErrorOr<AddressSpace::Fault> AddressSpaceImplementation::handle_fault(UserAddress user, FaultAccess access) {
  uint64_t address = user.page().value;
  if (address >= HighestUserAddress) return NotMapped;
  for (;;) {
    {
      Locked lock(Rank::AddressSpace, this);
      Vma* vma = vmas_.holding(address);
      if (!vma) [[unlikely]] vma = grow_down_to(address);
      if (!vma) [[unlikely]] return NotMapped;
      if (!allows(*vma, access)) [[unlikely]] return NotAllowed;
      PageTableEntry* leaf = find_leaf(root_, address);
      if (leaf && pte::valid(*leaf)) {
        if (entry_allows(*leaf, access)) [[unlikely]] {
          // Somebody else was faster, or a stale translation.
          flush_page(address);
          if (access == FaultAccess::Execute) flush_instructions();
          return Resolved;
        }
        if (access == FaultAccess::Write && !vma->shared()) return break_copy_on_write(*vma, address);
      } else if (!vma->inode) {
        return place_anonymous(*vma, address, access);
      }
    }
    auto shown = show_file_page(address, access);
    if (shown || shown.error() != Errno::Again) return shown;
  }
}

ErrorOr<PhysicalAddress> AddressSpaceImplementation::translate(UserAddress user, FaultAccess access) {
  if (user.value >= HighestUserAddress) return fail(Errno::Fault);
  const PageTableEntry* leaf = find_leaf(root_, user.value);
  if (!leaf || !entry_allows(*leaf, access)) return fail(Errno::Fault);
  return pte::frame_of(*leaf) + user.page_offset();
}

ErrorOr<AddressSpace::Key> AddressSpaceImplementation::futex_key(UserAddress user, Sharing sharing) {
  Locked lock(Rank::AddressSpace, this);
  if (user.value >= HighestUserAddress) return fail(Errno::Fault);
  const Vma* vma = vmas_.holding(user.value);
  if (!vma) return fail(Errno::Fault);
  if (sharing == Sharing::Private || !vma->shared()) return Key{reinterpret_cast<uint64_t>(this), user.value};
  return Key{reinterpret_cast<uint64_t>(vma->inode.get()), vma->offset + (user.value - vma->start)};
}

}  // namespace pl
