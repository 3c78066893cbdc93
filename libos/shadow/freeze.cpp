// SPDX-License-Identifier: BSD-2-Clause
// From a running enclave to a template: everything that a fork may write becomes read-only, everything that it must not know is erased,
// and what it needs to build itself is written down.
#include "shadow/shadow.h"

#include "arch/context.h"
#include "arch/image.h"
#include "arch/layout.h"
#include "arch/tlb.h"
#include "base/log.h"
#include "base/random.h"
#include "fs/mount.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"
#include "memory/heap_state.h"
#include "memory/object_window.h"
#include "ocall/ring.h"

namespace pl::shadow {
namespace {

// In the image, so that a fork finds it without tables.
[[gnu::section(".data.freeze"), gnu::aligned(64)]] constinit FreezeRecord record{};

PhysicalAddress physical(const void* image_object) {
  return PhysicalAddress(boot_parameters().base) + (reinterpret_cast<uint64_t>(image_object) - PL_OBJECT_WINDOW);
}

uint32_t page_of(const std::byte* symbol) { return uint32_t((reinterpret_cast<uint64_t>(symbol) - PL_OBJECT_WINDOW) >> PageShift); }

// What a fork replaces before it runs, and what the freeze itself still needs until its end.
bool is_replaced(uint32_t page) {
  return (page >= record.hot_page && page < record.hot_page + record.hot_pages) || page == record.fault_stack_page ||
         (page >= record.boot_stack_page - 3 && page <= record.boot_stack_page);
}

// The libOS's writable pages become copy-on-write.
void protect_object_window() {
  PageTableEntry* middle = table_pointer(object_window::window().middle);
  for (unsigned i = 0; i < TableEntries; i++) {
    if (!pte::valid(middle[i])) continue;
    record.middle_used = i + 1;
    PageTableEntry* leaves = table_pointer(pte::frame_of(middle[i]));
    for (unsigned j = 0; j < TableEntries; j++)
      if (leaves[j] && i == 0) record.leaves_used = uint32_t(round_up(j + 1, 8));
  }
  for (unsigned i = 0; i < record.middle_used; i++) {
    if (!pte::valid(middle[i])) continue;
    PageTableEntry* leaves = table_pointer(pte::frame_of(middle[i]));
    for (unsigned j = 0; j < TableEntries; j++)
      if (pte::valid(leaves[j]) && (leaves[j] & pte::Write) && !(i == 0 && is_replaced(j)))
        leaves[j] = (leaves[j] & ~pte::Write) | pte::CopyOnWrite;
  }
}

}  // namespace

Errno freeze() {
  auto* space = static_cast<AddressSpaceImplementation*>(this_context().address_space);
  if (!space) return Errno::Invalid;
  if (!ocall::quiescent()) return Errno::Busy;
  fs::prepare_freeze();
  if (auto prepared = space->prepare_freeze(); !prepared) return prepared.error();

  auto& window = object_window::window();
  record.root = window.root.value;
  record.middle = window.middle.value;
  record.leaves = pte::frame_of(table_pointer(window.middle)[0]).value;
  record.hot_page = page_of(__hot_start);
  record.hot_bytes = uint32_t(__hot_used - __hot_start);
  record.hot_pages = uint32_t(pages_for(record.hot_bytes));
  record.fault_stack_page = page_of(__fault_stack);
  record.boot_stack_page = page_of(__boot_stack_top) - 1;
  record.user_entries = 0;
  const PageTableEntry* root = table_pointer(space->root());
  for (unsigned i = 0; i < TableEntries / 2; i++) {
    if (!pte::valid(root[i])) continue;
    if (record.user_entries == FreezeRecord::MaxUserEntries) return Errno::TooBig;
    record.user[record.user_entries].index = i;
    record.user[record.user_entries++].entry = root[i];
  }

  // What a fork allocates goes to places whose table it has from the start, and no template object is ever given back.
  uint64_t beyond = TableEntries;
  while (object_window::find_entry(PL_OBJECT_WINDOW + (beyond << PageShift)) && beyond < TableEntries * TableEntries) beyond += TableEntries;
  window.frozen_low = (TableEntries - object_window::ForkPages) << PageShift;
  window.hot_start = uint64_t(__hot_start - __image_start);
  window.hot_end = uint64_t(__hot_end - __image_start);
  window.frozen_high = (beyond - TableEntries) << PageShift;
  window.first_free = TableEntries - object_window::ForkPages;
  window.limit = TableEntries;
  window.resume = beyond;
  heap_seal();
  frames::seal();
  random::erase();
  protect_object_window();
  flush_translations();
  auto result = monitor::freeze(physical(reinterpret_cast<const void*>(&fork_start)), physical(&record).value);
  panic("the monitor refused to freeze (%d)", int(result.error()));
}

}  // namespace pl::shadow
