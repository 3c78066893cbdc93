// SPDX-License-Identifier: BSD-2-Clause
#include "memory/object_window.h"

#include "arch/monitor.h"
#include "arch/page_copy.h"
#include "arch/tlb.h"
#include "base/hot.h"
#include "base/lock.h"
#include "base/log.h"
#include "memory/frame_allocator.h"
#include "memory/kernel_stack.h"
#include "memory/object_pages.h"

namespace pl {
namespace object_window {
namespace {

PL_HOT constinit Window the_window{};

constexpr uint64_t WindowPages = MiddleTableSpan >> PageShift;
constexpr uint64_t LeafPages = TableEntries;

uint64_t address_of(uint64_t page) { return PL_OBJECT_WINDOW + (page << PageShift); }

ErrorOr<PageTableEntry*> own_page_entry(uint64_t page) {
  PageTableEntry& middle = table_pointer(the_window.middle)[page / LeafPages];
  if (!pte::valid(middle)) {
    middle = pte::table(TRY(frames::allocate_zeroed()));
  } else if (frame_is_frozen(pte::frame_of(middle)) && shadow_of_template()) {
    PhysicalAddress copy = TRY(frames::allocate_for_copy(frames::Urgency::Urgent));
    copy_page(table_pointer(copy), table_pointer(pte::frame_of(middle)));
    middle = pte::table(copy);
    flush_translations();  // sfence.vma with an address need not forget entries above the last level
  }
  return table_pointer(pte::frame_of(middle)) + page % LeafPages;
}

}  // namespace

Window& window() { return the_window; }

bool shadow_of_template() { return the_window.frozen_low != 0; }

ErrorOr<PageTableEntry*> own_entry(uint64_t address) { return own_page_entry((address - PL_OBJECT_WINDOW) >> PageShift); }

PageTableEntry* find_entry(uint64_t address) {
  uint64_t page = (address - PL_OBJECT_WINDOW) >> PageShift;
  if (page >= WindowPages) return nullptr;
  PageTableEntry middle = table_pointer(the_window.middle)[page / LeafPages];
  return pte::valid(middle) ? table_pointer(pte::frame_of(middle)) + page % LeafPages : nullptr;
}

bool is_guard(uint64_t address) {
  const PageTableEntry* seen = find_entry(address);
  return seen && *seen == pte::Guard;
}

bool handle_fault(uint64_t address, bool store) {
  const PageTableEntry* seen = find_entry(address);
  if (!seen) return false;
  if (pte::valid(*seen)) {
    if (!store || !(*seen & pte::CopyOnWrite)) return false;
    auto entry = own_entry(address);
    auto copy = frames::allocate_for_copy(frames::Urgency::Urgent);
    if (!entry || !copy) monitor::fault(PL_FAULT_MEMORY);
    copy_page(frame_pointer(*copy), frame_pointer(pte::frame_of(**entry)));
    **entry = pte::leaf(*copy, pte::Read | pte::Write | pte::Global);
  } else {
    if (!(*seen & pte::Demand)) return false;
    auto entry = own_entry(address);
    auto frame = frames::allocate_zeroed(frames::Urgency::Urgent);
    if (!entry || !frame) monitor::fault(PL_FAULT_MEMORY);
    **entry = pte::leaf(*frame, pte::Read | pte::Write | pte::Global);
  }
  flush_page(address);
  return true;
}

void copy_kernel_entries(PhysicalAddress root) {
  PageTableEntry* to = table_pointer(root);
  const PageTableEntry* from = table_pointer(the_window.root);
  for (unsigned i = PL_FRAME_ROOT_INDEX; pte::valid(from[i]); i++) to[i] = from[i];
  to[PL_OBJECT_ROOT_INDEX] = from[PL_OBJECT_ROOT_INDEX];
}

namespace {

// First of `count` free places in a row.
ErrorOr<uint64_t> find_free(size_t count) {
  Window& w = the_window;
  uint64_t run = 0;
  bool at_hint = true;
  for (uint64_t page = w.first_free; page < WindowPages; page++) {
    if (page == w.limit && page < w.resume) {
      page = w.resume;
      run = 0;
    }
    PageTableEntry middle = table_pointer(w.middle)[page / LeafPages];
    bool used = pte::valid(middle) && table_pointer(pte::frame_of(middle))[page % LeafPages];
    if (used) {
      run = 0;
      if (at_hint) w.first_free = page + 1;
    } else {
      at_hint = false;
      if (++run == count) return page + 1 - count;
    }
  }
  return fail(Errno::NoMemory);
}

void release(uint64_t page, size_t count) {
  for (uint64_t p = page; p < page + count; p++) {
    auto entry = own_page_entry(p);
    if (!entry) panic("no memory for giving memory back");
    PageTableEntry old = std::exchange(**entry, 0);
    flush_page(address_of(p));
    if (pte::valid(old)) unref_frame(pte::frame_of(old));
  }
  if (page < the_window.first_free) the_window.first_free = page;
}

// Places for `count` pages; the first `skip` stay empty (a guard, or stack that appears when it is touched).
ErrorOr<uint64_t> place(size_t count, size_t skip, PageTableEntry first, PageTableEntry skipped) {
  uint64_t page = TRY(find_free(count));
  size_t done = 0;
  Guard undo([&] { release(page, done); });
  for (; done < count; done++) {
    PageTableEntry* entry = TRY(own_page_entry(page + done));
    if (done < skip)
      *entry = done == 0 ? first : skipped;
    else
      *entry = pte::leaf(TRY(frames::allocate_zeroed()), pte::Read | pte::Write | pte::Global);
  }
  undo.disarm();
  return page;
}

}  // namespace
}  // namespace object_window

using namespace object_window;

ErrorOr<void*> allocate_object_pages(size_t count) {
  return reinterpret_cast<void*>(address_of(TRY(place(count, 0, 0, 0))));
}

void free_object_pages(void* address, size_t count) {
  if (is_frozen(address)) return;
  release((reinterpret_cast<uint64_t>(address) - PL_OBJECT_WINDOW) >> PageShift, count);
}

ErrorOr<KernelAddress> allocate_kernel_stack() {
  constexpr size_t Pages = KernelStackSize / PageSize;
  uint64_t page = TRY(place(Pages + 1, Pages, pte::Guard, pte::Demand));
  return KernelAddress(address_of(page + 1));
}

void free_kernel_stack(KernelAddress stack) {
  if (is_frozen(reinterpret_cast<void*>(stack.value))) return;
  release((stack.value - PL_OBJECT_WINDOW - PageSize) >> PageShift, KernelStackSize / PageSize + 1);
}

bool is_frozen(const void* object) {
  uint64_t offset = reinterpret_cast<uint64_t>(object) - PL_OBJECT_WINDOW;
  // What lives in the hot block is counted and freed like anything else.
  return offset < the_window.frozen_low || offset - 2 * LeafTableSpan < the_window.frozen_high;
}

}  // namespace pl
