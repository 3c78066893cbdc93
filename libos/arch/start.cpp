// SPDX-License-Identifier: BSD-2-Clause
// The order of the boot. Cold: memory, randomness, the ring, the first tree, the program; then the program runs, or the enclave freezes.
#include "arch/start.h"

#include <penglai/config.h>
#include <penglai/ocall.h>

#include <cstddef>

#include "arch/context.h"
#include "arch/image.h"
#include "arch/layout.h"
#include "arch/monitor.h"
#include "arch/time.h"
#include "base/hot.h"
#include "base/log.h"
#include "base/random.h"
#include "base/sha256.h"
#include "fs/mount.h"
#include "memory/frame_allocator.h"
#include "memory/kernel_stack.h"
#include "memory/object_window.h"
#include "ocall/ring.h"
#include "process/debug.h"
#include "process/trace.h"
#include "process/trap.h"
#include "shadow/fork.h"
#include "shadow/point.h"
#include "shadow/shadow.h"
#include "syscall/table.h"

extern "C" {
[[gnu::section(".hot.first")]] constinit pl::ContextBlock context_blocks[PL_MAX_CONTEXTS]{};
}

namespace pl {
namespace {

PL_HOT constinit PhysicalAddress the_boot_page{};

static_assert(sizeof(pl_boot) <= PL_BOOT_HANDOVER && PL_BOOT_HANDOVER + sizeof(Handover) <= PL_BOOT_BYTES && PL_BOOT_BYTES % 64 == 0);
// libos.ld says these by number.
static_assert(PL_PRIVATE_WINDOW == 0xffffffff80200000 && PL_BOOT_BYTES == 448);
static_assert(PL_PRIVATE_WINDOW == PL_OBJECT_WINDOW + PL_PRIVATE_INDEX * LeafTableSpan);
static_assert(offsetof(ContextBlock, fault_scratch) == PL_CONTEXT_SCRATCH && offsetof(ContextBlock, fault_stack_top) == PL_CONTEXT_FAULT_STACK &&
              offsetof(ContextBlock, kernel_stack_top) == PL_CONTEXT_KERNEL_STACK && offsetof(ContextBlock, thread) == PL_CONTEXT_THREAD &&
              offsetof(ContextBlock, system_calls) == PL_CONTEXT_CALLS);
static_assert(uint64_t(Cause::UserCall) == PL_CAUSE_USER_CALL);
static_assert(offsetof(TrapFrame, pc) == PL_FRAME_PC && offsetof(TrapFrame, status) == PL_FRAME_STATUS);

const Handover& handover(uint64_t boot) {
  return *static_cast<const Handover*>(frame_pointer(PhysicalAddress(boot + PL_BOOT_HANDOVER)));
}

void start_context(uint64_t boot) {
  the_boot_page = PhysicalAddress(boot);
  ContextBlock& context = this_context();
  context.fault_stack_top = reinterpret_cast<uint64_t>(__fault_stack_top);
  context.kernel_stack_top = reinterpret_cast<uint64_t>(__boot_stack_top);
  initialize_hart();
}

// The entropy is in nobody's memory once the generator has it.
void take_entropy() {
  auto* boot = static_cast<pl_boot*>(frame_pointer(the_boot_page));
  random::seed(std::span<const uint8_t, PL_ENTROPY_SIZE>(boot->entropy));
  auto* words = reinterpret_cast<volatile uint64_t*>(boot->entropy);
  for (unsigned i = 0; i < PL_ENTROPY_SIZE / 8; i++) words[i] = 0;
}

void attach_window() {
  const pl_window& window = boot_parameters().window[PL_WINDOW_OCALL];
  if (window.size < PL_WINDOW_MIN) panic("no ocall window");
  ocall::attach(static_cast<std::byte*>(frame_pointer(PhysicalAddress(window.base))), window.size);
}

struct Instance {
  const pl_instance* place;
  uint32_t bytes;
};
Instance instance() {
  const pl_window& window = boot_parameters().window[PL_WINDOW_OCALL];
  auto* place = static_cast<std::byte*>(frame_pointer(PhysicalAddress(window.base))) + PL_RING_DATA;
  return {reinterpret_cast<const pl_instance*>(place), uint32_t(window.size - PL_RING_DATA)};
}

[[noreturn]] void freeze_at_start(shadow::Point point) {
  shadow::point_record.point = point;
  Errno error = shadow::freeze(shadow::ForkEntry::Program);
  panic("the enclave cannot be frozen (error %d)", int(error));
}

// Not inlined: the stack that it needs appears by faults, which cold_main must first prepare.
[[noreturn, gnu::noinline]] void run_program(const pl_config& config) {
  this_context().system_calls = system_calls;
  if (boot_parameters().flags & PL_CREATE_DEBUG && config.flags & (PL_CONFIG_TRACE | PL_CONFIG_DEBUG)) {
    if (auto watched = watch_system_calls(); !watched) panic("no memory to watch system calls");
    if (config.flags & PL_CONFIG_TRACE) enable_system_call_trace();
    if (config.flags & PL_CONFIG_DEBUG) debug::enable();
  }
  if (config.flags & PL_CONFIG_EXPLAIN) shadow::want_explanation();
  const auto point = shadow::Point(config.shadow_point);
  if (point == shadow::Point::Boot) {
    if (auto prepared = prepare_for_any_program(); !prepared) panic("no first process (error %d)", int(prepared.error()));
    prefetch_named_paths();
    freeze_at_start(point);
  }
  char path[4096];
  std::string_view program = fs::program_path();
  if (program.empty() || program.size() >= sizeof path) panic("the measured configuration names no program");
  format(path, sizeof path, "%.*s", int(program.size()), program.data());
  if (point == shadow::Point::None) {
    frames::allow_extents();
    start_first_process(path, instance().place, instance().bytes);
  }
  if (auto loaded = load_first_program(path); !loaded) give_up(path, loaded.error());
  prefetch_named_paths();
  if (point == shadow::Point::Main || point == shadow::Point::Call) shadow::start_template(point, instance().place, instance().bytes);
  if (point != shadow::Point::Entry) panic("the measured configuration asks for a shadow point that is not known");
  prefetch_first_program();
  freeze_at_start(point);
}

}  // namespace

PhysicalAddress boot_page() { return the_boot_page; }
KernelAddress boot_stack() { return KernelAddress(reinterpret_cast<uint64_t>(__boot_stack)); }

void initialize_hart() {
  asm volatile("csrw stvec, %0" ::"r"(&trap_entry));
  asm volatile("csrw sscratch, zero");
  asm volatile("csrw sie, %0" ::"r"(InterruptSoftware | InterruptTimer));
  // cycle, time and instret in programs (scounteren, privileged specification 12.1.5).
  asm volatile("csrw scounteren, %0" ::"r"(uint64_t(7)));
}

extern "C" [[noreturn]] void cold_main(uint64_t boot) {
  const Handover& h = handover(boot);
  auto& window = object_window::window();
  window.root = PhysicalAddress(h.root);
  window.middle = PhysicalAddress(h.middle);
  window.first_free = (reinterpret_cast<uint64_t>(__object_start) - PL_OBJECT_WINDOW) >> PageShift;
  window.limit = TableEntries;
  window.resume = 2 * TableEntries;
  start_context(boot);
  const pl_boot& parameters = boot_parameters();
  frames::start_cold(PhysicalAddress(parameters.base), PhysicalAddress(h.first),
                     static_cast<uint32_t*>(frame_pointer(PhysicalAddress(h.counts))), PhysicalAddress(h.next), PhysicalAddress(h.end),
                     PhysicalAddress(parameters.base + parameters.base_reserve));
  frames::set_zero_frame(PhysicalAddress(h.zero_frame));
  take_entropy();
  attach_window();
  ocall::keep_start(instance().place->size);  // a root image is read before them
  if (parameters.isa & PL_ISA_ZBB) sha256_compress = sha256_blocks_zbb;

  // The measured configuration begins behind the image, the files' contents behind it.
  PhysicalAddress place = PhysicalAddress(parameters.base) + uint64_t(__data_end - __image_start) + uint64_t(__hot_end - __hot_start);
  PhysicalAddress added_end = PhysicalAddress(parameters.base) + parameters.added_pages * PageSize;
  const auto& config = *static_cast<const pl_config*>(frame_pointer(place));
  if (place + sizeof config > added_end || config.magic != PL_CONFIG_MAGIC || config.version != PL_CONFIG_VERSION ||
      config.size < sizeof config || config.size > uint64_t(added_end - place))
    panic("the measured configuration is not one");
  if (auto done = fs::initialize(config, place + round_up(config.size, PageSize)); !done)
    panic("the measured configuration cannot be used (error %d)", int(done.error()));

  shadow::mark(shadow::Step::Entered, h.entered);
  shadow::mark(shadow::Step::Ready);
  run_program(config);
}

namespace {

[[gnu::always_inline]] inline void begin_fork(uint64_t boot) {
  const Handover& h = handover(boot);
  shadow::mark(shadow::Step::Tables);
  start_context(boot);
  shadow::adopt(h);
  shadow::mark(shadow::Step::Frames);
  take_entropy();
  attach_window();
  shadow::mark(shadow::Step::Entered, h.entered);
  shadow::mark(shadow::Step::Ready);
}

}  // namespace

extern "C" [[noreturn]] void fork_main(uint64_t boot) {
  begin_fork(boot);
  continue_fork(instance().place, instance().bytes);
}

extern "C" [[noreturn]] void resume_main(uint64_t boot) {
  begin_fork(boot);
  shadow::resume(instance().place, instance().bytes);
}

}  // namespace pl
