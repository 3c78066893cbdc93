// SPDX-License-Identifier: BSD-2-Clause
// What each private page of an instance is for: the question behind every attempt to make forks smaller.
#include "arch/image.h"
#include "arch/layout.h"
#include "arch/monitor.h"
#include "arch/start.h"
#include "base/hot.h"
#include "base/log.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"
#include "memory/object_window.h"
#include "process/process.h"
#include "shadow/shadow.h"

namespace pl::shadow {
namespace {

bool wanted = false;

constexpr const char* StepNames[] = {"entered", "tables", "frames", "ready", "loaded", "parameters", "places", "stack", "program", "ending"};
static_assert(sizeof StepNames / sizeof *StepNames == unsigned(Step::Count));

struct Count {
  uint64_t named = 0, held = 0;
};

// The log area is small: the host prints each line before the next.
template <class... A>
void say(Count& count, const char* text, A... arguments) {
  count.named++;
  char what[160];
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-security"
#pragma clang diagnostic ignored "-Wformat-nonliteral"
  format(what, sizeof what, text, arguments...);
#pragma clang diagnostic pop
  log_line("private page: %s", what);
  monitor::doorbell();
}

const char* part_of_image(uint64_t address) {
  auto below = [&](const std::byte* symbol) { return address < reinterpret_cast<uint64_t>(symbol); };
  if (below(__rodata_end)) return "code";
  if (below(__data_end)) return "data";
  if (below(__object_start)) return "zero-initialized data";
  if (below(__hot_start)) return "template's heap";
  if (below(__hot_end)) return "hot block";
  if (below(__fault_stack_top)) return "fault stack";
  if (below(__boot_stack_top)) return "first kernel stack";
  return "heap or kernel stack";
}

void explain_libos(Count& count) {
  auto& window = object_window::window();
  say(count, "libOS root page table");
  say(count, "libOS page table over 1 GiB");
  const PageTableEntry* middle = table_pointer(window.middle);
  for (unsigned i = 0; i < TableEntries; i++) {
    if (!pte::valid(middle[i]) || frame_is_frozen(pte::frame_of(middle[i]))) continue;
    say(count, "libOS page table over 2 MiB at image+0x%lx", i * LeafTableSpan);
    const PageTableEntry* leaves = table_pointer(pte::frame_of(middle[i]));
    for (unsigned j = 0; j < TableEntries; j++) {
      if (!pte::valid(leaves[j]) || frame_is_frozen(pte::frame_of(leaves[j]))) continue;
      uint64_t offset = i * LeafTableSpan + j * PageSize;
      say(count, "libOS %s at image+0x%lx", part_of_image(PL_OBJECT_WINDOW + offset), offset);
    }
  }
}

void explain_process(Count& count, Process& process) {
  if (!process.address_space) return;
  auto& space = static_cast<AddressSpaceImplementation&>(*process.address_space);
  if (space.root() != object_window::window().root) say(count, "root page table of process %d", process.pid);
  space.for_each_own_page([&](unsigned level, uint64_t address, const char* name) {
    if (level)
      say(count, "page table over %s at 0x%lx of process %d", level == 2 ? "1 GiB" : "2 MiB", address, process.pid);
    else
      say(count, "0x%lx of process %d, %s", address, process.pid, name ? name : "its program or anonymous memory");
  });
}

}  // namespace

PL_HOT_FRESH constinit uint64_t step_counter[unsigned(Step::Count)] = {};

void want_explanation() { wanted = true; }

void explain() {
  if (!wanted) return;
  mark(Step::Ending);
  for (unsigned i = 0; i < unsigned(Step::Count); i++) log_line("step: %s %lu", StepNames[i], step_counter[i]);
  monitor::doorbell();
  if (!is_fork()) return;
  Count count;
  explain_libos(count);
  for_each_process([&](Process& process) {
    explain_process(count, process);
    return true;
  });
  frames::for_each_used([](void* held, PhysicalAddress) { ++*static_cast<uint64_t*>(held); }, &count.held);
  auto totals = frames::totals();
  log_line("private pages: %lu named, %lu in use or freed, %lu KiB held, of that %lu KiB free", count.named, count.held, totals.bytes / 1024,
           totals.free_bytes / 1024);
  monitor::doorbell();
}

}  // namespace pl::shadow
