// SPDX-License-Identifier: BSD-2-Clause
// Traps of the libOS itself, on the fault stack: a first write to a page that a fork shares, a stack that grows, a user copy that has to
// stop. Everything else ends the instance.
#include <cstdint>

#include "arch/context.h"
#include "arch/image.h"
#include "arch/layout.h"
#include "arch/trap_frame.h"
#include "base/log.h"
#include "memory/object_window.h"

extern "C" std::byte user_copy_start[], user_copy_end[], user_copy_fixup[], user_atomic_start[], user_atomic_end[], user_atomic_fixup[];

namespace pl {
namespace {

// As traps.S saves it.
struct KernelTrap {
  uint64_t t0, sp, ra, t[6], a[8], pc, status;
};

bool within(uint64_t pc, const std::byte* start, const std::byte* end) {
  return pc >= reinterpret_cast<uint64_t>(start) && pc < reinterpret_cast<uint64_t>(end);
}

const char* cause_name(uint64_t cause) {
  switch (Cause(cause)) {
    case Cause::Illegal: return "illegal instruction";
    case Cause::Breakpoint: return "breakpoint";
    case Cause::LoadMisaligned: return "misaligned load";
    case Cause::StoreMisaligned: return "misaligned store";
    case Cause::FetchAccess: case Cause::LoadAccess: case Cause::StoreAccess: return "access fault";
    case Cause::FetchPage: return "fetch page fault";
    case Cause::LoadPage: return "load page fault";
    case Cause::StorePage: return "store page fault";
    default: return "trap";
  }
}

}  // namespace

extern "C" void kernel_trap(KernelTrap* trap, uint64_t cause, uint64_t value) {
  bool load = cause == uint64_t(Cause::LoadPage), store = cause == uint64_t(Cause::StorePage);
  if (load || store) {
    if (value >= PL_OBJECT_WINDOW && object_window::handle_fault(value, store)) return;
    if (value < PL_USER_END) {
      if (within(trap->pc, user_copy_start, user_copy_end)) {
        trap->pc = reinterpret_cast<uint64_t>(user_copy_fixup);
        return;
      }
      if (within(trap->pc, user_atomic_start, user_atomic_end)) {
        trap->pc = reinterpret_cast<uint64_t>(user_atomic_fixup);
        return;
      }
    }
  }
  if (value >= PL_OBJECT_WINDOW && object_window::is_guard(value))
    panic("kernel stack overflow: pc image+0x%lx, ra image+0x%lx", trap->pc - PL_OBJECT_WINDOW, trap->ra - PL_OBJECT_WINDOW);
  panic("%s in the libOS: cause %lu, pc image+0x%lx, address 0x%lx, ra image+0x%lx", cause_name(cause), cause, trap->pc - PL_OBJECT_WINDOW,
        value, trap->ra - PL_OBJECT_WINDOW);
}

extern "C" [[noreturn]] void double_fault(uint64_t cause, uint64_t pc, uint64_t value) {
  panic("fault while a fault was handled: cause %lu, pc image+0x%lx, address 0x%lx", cause, pc - PL_OBJECT_WINDOW, value);
}

}  // namespace pl
