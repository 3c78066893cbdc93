// SPDX-License-Identifier: BSD-2-Clause
// From a running enclave to a template: everything that a fork may write becomes read-only, everything that it must not know is erased,
// and what it needs to build itself is written down.
#include "shadow/shadow.h"

#include <algorithm>

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
#include "process/process.h"
#include "process/thread.h"

namespace pl::shadow {
namespace {

// In the image, so that a fork finds it without tables.
[[gnu::section(".data.freeze"), gnu::aligned(64)]] constinit FreezeRecord record{};

PhysicalAddress physical(const void* image_object) {
  return PhysicalAddress(boot_parameters().base) + (reinterpret_cast<uint64_t>(image_object) - PL_OBJECT_WINDOW);
}

// The libOS's writable pages become copy-on-write, but for the private part, which a fork replaces before it runs and the freeze itself
// needs until its end.
void protect_object_window() {
  const PageTableEntry* middle = table_pointer(object_window::window().middle);
  for (unsigned i = 0; i < record.middle_used; i++) {
    if (!pte::valid(middle[i]) || i == PL_PRIVATE_INDEX) continue;
    PageTableEntry* leaves = table_pointer(pte::frame_of(middle[i]));
    for (unsigned j = 0; j < TableEntries; j++)
      if (pte::valid(leaves[j]) && (leaves[j] & pte::Write)) leaves[j] = (leaves[j] & ~pte::Write) | pte::CopyOnWrite;
  }
}

// Where the hot block is not zero. Gaps shorter than a run's own cost are copied too; so is everything behind the last run there is room for.
void find_runs() {
  constexpr uint64_t Unit = 32, Gap = 64;
  auto* words = reinterpret_cast<const uint64_t*>(__hot_start);
  const auto end = uint64_t(__hot_copied - __hot_start);
  auto is_zero = [&](uint64_t at) { return !(words[at / 8] | words[at / 8 + 1] | words[at / 8 + 2] | words[at / 8 + 3]); };
  record.runs = 0;
  for (uint64_t at = PL_BOOT_BYTES; at < end; at += Unit) {
    if (is_zero(at)) continue;
    auto* last = record.runs ? &record.run[record.runs - 1] : nullptr;
    if (last && (at - (last->offset + last->bytes) <= Gap || record.runs == FreezeRecord::MaxRuns))
      last->bytes = uint32_t(at + Unit) - last->offset;
    else
      record.run[record.runs++] = {uint32_t(at), Unit};
  }
}

// What calls that have returned left on the kernel stacks, below what each is in use from.
[[gnu::noinline]] void erase_unused_stacks() {
  uint64_t here;
  asm volatile("mv %0, sp" : "=r"(here));
  for (Thread& thread : current_process().threads) {
    const uint64_t end = &thread == &current_thread() ? here : thread.context.sp;
    for (uint64_t page = thread.stack.value; page < end; page += PageSize) {
      const PageTableEntry* entry = object_window::find_entry(page);
      if (!entry || !pte::valid(*entry)) continue;
      for (uint64_t at = page, stop = std::min(end, page + PageSize); at < stop; at += 8) *reinterpret_cast<volatile uint64_t*>(at) = 0;
    }
  }
}

// What a fork begins with: what early code builds, and what most runs of this program will write. Each page too many is scrubbed for
// nothing, each too few belongs to another extent.
uint64_t fork_pages(const AddressSpaceImplementation& space) {
  constexpr uint64_t Stacks = 2, Tables = 3;
  uint64_t pages = uint64_t(__hot_end - __hot_start) / PageSize + Stacks + Tables + space.likely_private_pages();
  constexpr uint64_t Most = PL_MAX_FORK_SIZE / PageSize;
  return pages < Most ? pages : Most;
}

}  // namespace

Errno freeze(ForkEntry entry) {
  auto* space = static_cast<AddressSpaceImplementation*>(this_context().address_space);
  if (!space) return Errno::Invalid;
  if (!ocall::quiescent()) return Errno::Busy;
  fs::prepare_freeze();
  if (auto prepared = space->prepare_freeze(); !prepared) return prepared.error();

  auto& window = object_window::window();
  record.middle = window.middle.value;
  record.hot = pte::frame_of(*object_window::find_entry(PL_PRIVATE_WINDOW)).value;
  record.user_entries = 0;
  const PageTableEntry* root = table_pointer(space->root());
  for (unsigned i = 0; i < TableEntries / 2; i++) {
    if (!pte::valid(root[i])) continue;
    if (record.user_entries == FreezeRecord::MaxUserEntries) return Errno::TooBig;
    record.user[record.user_entries].index = i;
    record.user[record.user_entries++].entry = root[i];
  }

  // What a fork allocates goes to places whose table it has from the start, and no template object is ever given back.
  uint64_t beyond = 2 * TableEntries;
  while (object_window::find_entry(PL_OBJECT_WINDOW + (beyond << PageShift)) && beyond < TableEntries * TableEntries) beyond += TableEntries;
  window.frozen_low = LeafTableSpan;
  window.frozen_high = (beyond - 2 * TableEntries) << PageShift;
  window.first_free = (reinterpret_cast<uint64_t>(__private_end) - PL_OBJECT_WINDOW) >> PageShift;
  window.limit = 2 * TableEntries;
  window.resume = beyond;
  heap_seal();
  frames::seal();
  random::erase();
  erase_unused_stacks();
  // The record can be written no more when its page is protected.
  for (unsigned i = 0; i < TableEntries; i++)
    if (pte::valid(table_pointer(window.middle)[i])) record.middle_used = i + 1;
  find_runs();
  protect_object_window();
  flush_translations();
  const void* beginning = reinterpret_cast<const void*>(entry == ForkEntry::Program ? &fork_start : &resume_start);
  auto result = monitor::freeze(physical(beginning), physical(&record).value, fork_pages(*space) * PageSize);
  panic("the monitor refused to freeze (%d)", int(result.error()));
}

}  // namespace pl::shadow
