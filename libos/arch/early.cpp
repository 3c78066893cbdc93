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

void copy_lines(uint64_t to, uint64_t from, uint64_t bytes) {
  uint64_t* d = words_at(to);
  const uint64_t* s = words_at(from);
  for (const uint64_t* end = s + bytes / 8; s < end; s += 8, d += 8) {
    uint64_t a = s[0], b = s[1], c = s[2], e = s[3], f = s[4], g = s[5], h = s[6], i = s[7];
    d[0] = a, d[1] = b, d[2] = c, d[3] = e, d[4] = f, d[5] = g, d[6] = h, d[7] = i;
  }
}

uint64_t satp_of(uint64_t root) { return uint64_t(8) << 60 | root >> PageShift; }

constexpr PageTableEntry KernelLeaf = pte::Global;

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
  auto page_of = [&](const std::byte* symbol) { return (reinterpret_cast<uint64_t>(symbol) - image) >> PageShift; };
  auto handover = reinterpret_cast<Handover*>(reinterpret_cast<uint64_t>(boot) + PL_BOOT_HANDOVER);

  uint64_t first = boot->base + boot->base_size;
  uint64_t counted = (boot->base_reserve - boot->base_size) >> PageShift;
  uint64_t counts_pages = pages_for(counted * sizeof(uint32_t));
  uint64_t image_pages = page_of(__image_end), bss_pages = page_of(__bss_end) - image_pages;
  uint64_t needed = counts_pages + 1 + 3 + bss_pages + 2;
  uint64_t bytes = round_up(needed * PageSize, GrowStep);
  if (boot->base_size + bytes > boot->base_reserve) bytes = needed * PageSize;
  if (!grow(bytes)) return 0;

  uint64_t next = first;
  auto take = [&](uint64_t pages) { uint64_t at = next; next += pages * PageSize; return at; };
  handover->counts = take(counts_pages);
  handover->first = first;
  handover->end = first + bytes;
  handover->zero_frame = take(1);
  uint64_t root = handover->root = take(1), middle = handover->middle = take(1), leaves = handover->leaves = take(1);

  map_frame_window(root, boot->ram_end);
  words_at(root)[PL_OBJECT_ROOT_INDEX] = pte::table(PhysicalAddress(middle));
  words_at(middle)[0] = pte::table(PhysicalAddress(leaves));
  uint64_t* entry = words_at(leaves);
  uint64_t text = page_of(__text_end), rodata = page_of(__rodata_end);
  for (uint64_t page = 0; page < image_pages; page++)
    entry[page] = pte::leaf(PhysicalAddress(image + page * PageSize),
                            KernelLeaf | pte::Read | (page < text ? pte::Execute : page < rodata ? 0 : pte::Write));
  for (uint64_t page = 0; page < bss_pages; page++)
    entry[image_pages + page] = pte::leaf(PhysicalAddress(take(1)), KernelLeaf | pte::Read | pte::Write);

  uint64_t fault_stack = page_of(__fault_stack), boot_stack = page_of(__boot_stack), boot_top = page_of(__boot_stack_top) - 1;
  entry[fault_stack - 1] = pte::Guard;
  entry[fault_stack] = pte::leaf(PhysicalAddress(take(1)), KernelLeaf | pte::Read | pte::Write);
  entry[boot_stack - 1] = pte::Guard;
  for (uint64_t page = boot_stack; page < boot_top; page++) entry[page] = pte::Demand;
  entry[boot_top] = pte::leaf(PhysicalAddress(take(1)), KernelLeaf | pte::Read | pte::Write);
  handover->next = next;
  handover->entered = entered;
  return satp_of(root);
}

// A fork's own root, the tables of the libOS's first 2 MiB, the hot pages, a fresh fault stack and kernel stack. All of the extent is
// zero. Everything else stays the template's until it is written.
extern "C" uint64_t early_fork(pl_boot* boot, const FreezeRecord* record) {
  const uint64_t entered = instructions_retired();
  auto handover = reinterpret_cast<Handover*>(reinterpret_cast<uint64_t>(boot) + PL_BOOT_HANDOVER);
  uint64_t next = boot->extent + PageSize;
  auto take = [&] { uint64_t at = next; next += PageSize; return at; };
  uint64_t root = handover->root = take(), middle = handover->middle = take(), leaves = handover->leaves = take();

  map_frame_window(root, boot->ram_end);
  for (uint32_t i = 0; i < record->user_entries; i++) words_at(root)[record->user[i].index] = record->user[i].entry;
  words_at(root)[PL_OBJECT_ROOT_INDEX] = pte::table(PhysicalAddress(middle));
  for (uint32_t i = 1; i < record->middle_used; i++) words_at(middle)[i] = words_at(record->middle)[i];
  words_at(middle)[0] = pte::table(PhysicalAddress(leaves));
  copy_lines(leaves, record->leaves, uint64_t(record->leaves_used) * sizeof(PageTableEntry));

  uint64_t* entry = words_at(leaves);
  for (uint32_t i = 0; i < record->hot_pages; i++) {
    PageTableEntry& hot = entry[record->hot_page + i];
    uint64_t bytes = record->hot_bytes - i * PageSize;
    uint64_t copy = take();
    copy_lines(copy, pte::frame_of(hot).value, bytes < PageSize ? bytes : PageSize);
    hot = pte::leaf(PhysicalAddress(copy), KernelLeaf | pte::Read | pte::Write);
  }
  entry[record->fault_stack_page] = pte::leaf(PhysicalAddress(take()), KernelLeaf | pte::Read | pte::Write);
  for (uint32_t page = record->boot_stack_page - 3; page < record->boot_stack_page; page++) entry[page] = pte::Demand;
  entry[record->boot_stack_page] = pte::leaf(PhysicalAddress(take()), KernelLeaf | pte::Read | pte::Write);
  handover->next = next;
  handover->entered = entered;
  return satp_of(root);
}

}  // namespace pl
