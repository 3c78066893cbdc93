// SPDX-License-Identifier: BSD-2-Clause
// The first page tables, written at physical addresses before paging is on. This code runs where it was loaded: it takes addresses
// of symbols relative to itself, uses no variable and no table of pointers.
#include <penglai/sbi.h>

#include "arch/counter.h"
#include "arch/image.h"
#include "arch/layout.h"
#include "memory/page_table.h"

namespace pl {
namespace {

constexpr uint64_t GrowStep = 128 * 1024;

uint64_t* words_at(uint64_t physical) { return reinterpret_cast<uint64_t*>(physical); }

// A multiple of 32 bytes.
inline void copy_run(uint64_t to, uint64_t from, uint64_t bytes) {
  uint64_t* d = words_at(to);
  const uint64_t* s = words_at(from);
  for (const uint64_t* end = s + bytes / 8; s < end; s += 4, d += 4) {
    uint64_t a = s[0], b = s[1], c = s[2], e = s[3];
    d[0] = a, d[1] = b, d[2] = c, d[3] = e;
  }
}

uint64_t satp_of(uint64_t root) { return uint64_t(8) << 60 | root >> PageShift; }

constexpr PageTableEntry KernelLeaf = pte::Global;
constexpr PageTableEntry OwnLeaf = KernelLeaf | pte::Read | pte::Write;

// Distances between symbols of one part of the image are the same at physical and virtual addresses.
inline uint64_t pages_between(const std::byte* from, const std::byte* to) {
  return (reinterpret_cast<uint64_t>(to) - reinterpret_cast<uint64_t>(from)) >> PageShift;
}

// The stacks that a context starts with, in the table of the private part.
inline void map_stacks(uint64_t* entry, uint64_t fault_frame, uint64_t boot_frame) {
  uint64_t fault_stack = pages_between(__hot_start, __fault_stack), boot_stack = pages_between(__hot_start, __boot_stack);
  uint64_t boot_top = pages_between(__hot_start, __boot_stack_top) - 1;
  entry[fault_stack - 1] = pte::Guard;
  entry[fault_stack] = pte::leaf(PhysicalAddress(fault_frame), OwnLeaf);
  entry[boot_stack - 1] = pte::Guard;
  for (uint64_t page = boot_stack; page < boot_top; page++) entry[page] = pte::Demand;
  entry[boot_top] = pte::leaf(PhysicalAddress(boot_frame), OwnLeaf);
}

void map_frame_window(uint64_t root, uint64_t ram_end) {
  uint64_t* entries = words_at(root);
  for (uint64_t at = 0, i = PL_FRAME_ROOT_INDEX; at < ram_end && i < PL_OBJECT_ROOT_INDEX; at += MiddleTableSpan, i++)
    entries[i] = pte::leaf(PhysicalAddress(at), KernelLeaf | pte::Read | pte::Write);
}

bool grow(uint64_t bytes) {
  register uint64_t a0 asm("a0") = bytes;
  register uint64_t a1 asm("a1");
  register uint64_t a6 asm("a6") = PL_ENCLAVE_GROW;
  register uint64_t a7 asm("a7") = PL_SBI_EXTENSION;
  asm volatile("ecall" : "+r"(a0), "=r"(a1) : "r"(a6), "r"(a7) : "memory");
  return a0 == 0;
}

}  // namespace

// The base region: added pages, boot page, reference counts, a page of zeroes, the libOS's own tables and zero-initialized data, then
// what the frame allocator hands out.
extern "C" uint64_t early_cold(pl_boot* boot) {
  const uint64_t entered = instructions_retired();
  auto image = reinterpret_cast<uint64_t>(__image_start);
  auto handover = reinterpret_cast<Handover*>(reinterpret_cast<uint64_t>(boot) + PL_BOOT_HANDOVER);

  uint64_t first = boot->base + boot->base_size;
  uint64_t counted = (boot->base_reserve - boot->base_size) >> PageShift;
  uint64_t counts_pages = pages_for(counted * sizeof(uint32_t));
  uint64_t text = pages_between(__image_start, __text_end), rodata = pages_between(__image_start, __rodata_end);
  uint64_t shared_pages = pages_between(__image_start, __data_end), hot_pages = pages_between(__hot_start, __hot_end);
  uint64_t bss_pages = pages_between(__data_end, __object_start);
  uint64_t needed = counts_pages + 1 + 4 + bss_pages + 2;
  uint64_t bytes = round_up(needed * PageSize, GrowStep);
  if (boot->base_size + bytes > boot->base_reserve) bytes = needed * PageSize;
  if (!grow(bytes)) return 0;

  uint64_t next = first;
  auto take = [&](uint64_t pages) { uint64_t at = next; next += pages * PageSize; return at; };
  handover->counts = take(counts_pages);
  handover->first = first;
  handover->end = first + bytes;
  handover->zero_frame = take(1);
  uint64_t root = handover->root = take(1), middle = handover->middle = take(1), shared = take(1), own = take(1);

  map_frame_window(root, boot->ram_end);
  words_at(root)[PL_OBJECT_ROOT_INDEX] = pte::table(PhysicalAddress(middle));
  words_at(middle)[0] = pte::table(PhysicalAddress(shared));
  words_at(middle)[PL_PRIVATE_INDEX] = pte::table(PhysicalAddress(own));
  uint64_t* entry = words_at(shared);
  for (uint64_t page = 0; page < shared_pages; page++)
    entry[page] = pte::leaf(PhysicalAddress(image + page * PageSize),
                            KernelLeaf | pte::Read | (page < text ? pte::Execute : page < rodata ? 0 : pte::Write));
  for (uint64_t page = 0; page < bss_pages; page++) entry[shared_pages + page] = pte::leaf(PhysicalAddress(take(1)), OwnLeaf);
  for (uint64_t page = 0; page < hot_pages; page++)
    words_at(own)[page] = pte::leaf(PhysicalAddress(image + (shared_pages + page) * PageSize), OwnLeaf);
  uint64_t fault_frame = take(1);
  map_stacks(words_at(own), fault_frame, take(1));
  handover->next = next;
  handover->entered = entered;
  return satp_of(root);
}

// A fork's own root, the table of the private part, the hot block and fresh stacks. All of the fork's memory is zero. Everything else
// stays the template's until it is written. The boot block lies where the hot block begins.
extern "C" uint64_t early_fork(pl_boot* boot, const FreezeRecord* record) {
  const uint64_t entered = instructions_retired();
  auto handover = reinterpret_cast<Handover*>(reinterpret_cast<uint64_t>(boot) + PL_BOOT_HANDOVER);
  const uint64_t hot = boot->extent, hot_pages = pages_between(__hot_start, __hot_end);
  uint64_t next = hot + hot_pages * PageSize;
  auto take = [&] { uint64_t at = next; next += PageSize; return at; };
  uint64_t boot_frame = take();  // this stack is in it
  uint64_t root = handover->root = take(), middle = handover->middle = take(), own = take();

  map_frame_window(root, boot->ram_end);
  for (uint32_t i = 0; i < record->user_entries; i++) words_at(root)[record->user[i].index] = record->user[i].entry;
  words_at(root)[PL_OBJECT_ROOT_INDEX] = pte::table(PhysicalAddress(middle));
  for (uint32_t i = 0; i < record->middle_used; i++) words_at(middle)[i] = words_at(record->middle)[i];
  words_at(middle)[PL_PRIVATE_INDEX] = pte::table(PhysicalAddress(own));
  for (uint64_t page = 0; page < hot_pages; page++) words_at(own)[page] = pte::leaf(PhysicalAddress(hot + page * PageSize), OwnLeaf);
  for (uint32_t i = 0; i < record->runs; i++) copy_run(hot + record->run[i].offset, record->hot + record->run[i].offset, record->run[i].bytes);
  map_stacks(words_at(own), take(), boot_frame);
  handover->next = next;
  handover->entered = entered;
  return satp_of(root);
}

}  // namespace pl
