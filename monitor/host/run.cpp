// SPDX-License-Identifier: BSD-2-Clause
#include "host/calls.h"

namespace pl::host {

Reply run(Hart& hart, const Arguments& arguments) {
  const u64 number = arguments.a[1], flags = arguments.a[2];
  Context* context;
  Enclave* running;
  {
    Named enclave(arguments.a[0]);
    if (!enclave) return Status::stale;
    if (enclave->state == State::dying) return Status::stale;
    if (enclave->state != State::sealed) return Status::state;
    if (number >= enclave->contexts || (flags & ~u64{PL_RUN_EVENT})) return Status::invalid;
    context = enclave->context[number];
    if (context == nullptr) return Status::state;
    if (__atomic_load_n(&context->hart, __ATOMIC_ACQUIRE) != nullptr) return Status::busy;
    if (!context->started) {
      const PhysicalAddress boot_block = enclave->base + enclave->added_pages * kPageSize;
      write_boot_block(*enclave, boot_block);
      start_context(*context, enclave->base.value(), boot_block.value(), 0, 0);
    }
    if (flags & PL_RUN_EVENT) context->interrupts_pending |= u64{1} << 1;  // SSIP
    __atomic_store_n(&context->hart, &hart, __ATOMIC_RELEASE);
    running = &*enclave;
  }
  // It cannot be freed while a context of it is on a hart.
  return run_context(hart, *running, *context);
}

}  // namespace pl::host
