// SPDX-License-Identifier: BSD-2-Clause
// Writing and searching a program's memory past its own protections.
#include <algorithm>
#include <cstring>

#include "arch/page_copy.h"
#include "arch/tlb.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"

namespace pl {

ErrorOr<void> AddressSpaceImplementation::make_present(const Vma& vma, UserAddress address) {
  PageTableEntry* leaf = find_leaf(root_, address.page().value);
  if (leaf && pte::valid(*leaf)) return {};
  FaultAccess access = vma.protection & ProtectionExecute ? FaultAccess::Execute : FaultAccess::Read;
  if (TRY(handle_fault(address, access)).signal) return fail(Errno::Fault);
  return {};
}

ErrorOr<size_t> AddressSpaceImplementation::peek(UserAddress address, void* to, size_t bytes) {
  auto* place = static_cast<std::byte*>(to);
  size_t done = 0;
  while (done < bytes) {
    UserAddress at = address + done;
    const Vma* vma = vmas_.holding(at.page().value);
    if (!vma || !make_present(*vma, at)) break;
    size_t n = std::min(bytes - done, size_t(PageSize - at.page_offset()));
    std::memcpy(place + done, static_cast<std::byte*>(frame_pointer(pte::frame_of(*find_leaf(root_, at.page().value)))) + at.page_offset(), n);
    done += n;
  }
  if (bytes && !done) return fail(Errno::Fault);
  return done;
}

ErrorOr<void> AddressSpaceImplementation::patch(UserAddress address, const void* from, size_t bytes) {
  auto* source = static_cast<const std::byte*>(from);
  while (bytes) {
    uint64_t page = address.page().value;
    const Vma* vma = vmas_.holding(page);
    if (!vma || vma->shared()) return fail(Errno::Fault);
    TRY(make_present(*vma, address));
    PageTableEntry* leaf = TRY(own_leaf(page));
    PhysicalAddress old = pte::frame_of(*leaf);
    if (!frames::is_exclusive(old)) {
      PhysicalAddress copy = TRY(frames::allocate_for_copy());
      copy_page(frame_pointer(copy), frame_pointer(old));
      *leaf = pte::leaf(copy, leaf_permissions(vma->protection));
      unref_frame(old);
    }
    size_t n = std::min(bytes, size_t(PageSize - address.page_offset()));
    std::memcpy(static_cast<std::byte*>(frame_pointer(pte::frame_of(*leaf))) + address.page_offset(), source, n);
    if (vma->protection & ProtectionExecute) flush_instructions();
    flush_page(page);
    address += n;
    source += n;
    bytes -= n;
  }
  return {};
}

ErrorOr<void> AddressSpaceImplementation::find_word(uint64_t value, uint64_t stack_pointer, void (*visit)(void*, UserAddress), void* context) {
  for (const Vma& vma : vmas_) {
    if (vma.shared() || vma.protection & ProtectionExecute) continue;
    uint64_t start = stack_pointer >= vma.start && stack_pointer < vma.end ? stack_pointer & ~uint64_t(7) : vma.start;
    TRY(for_each_leaf(start & ~(PageSize - 1), vma.end, Tables::Look, [&](PageTableEntry leaf, uint64_t address) {
      if (pte::frame_of(leaf) == frames::zero_frame()) return;
      auto* words = static_cast<const uint64_t*>(frame_pointer(pte::frame_of(leaf)));
      for (unsigned i = 0; i < PageSize / sizeof *words; i++)
        if (words[i] == value && address + i * sizeof *words >= start) visit(context, UserAddress(address + i * sizeof *words));
    }));
  }
  return {};
}

}  // namespace pl
