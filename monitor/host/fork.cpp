// SPDX-License-Identifier: BSD-2-Clause
#include "arch/memory.h"
#include "host/calls.h"

namespace pl::host {

Reply fork(Hart& hart, const Arguments& arguments) {
  struct pl_fork wish;
  if (const Status status = monitor.host_memory.read(arguments.a[1], wish); status != Status::ok) return status;
  for (const struct pl_window& window : wish.window) {
    if (!is_window(window.base, window.size)) return Status::address;
  }

  // The template is only read, and lives as long as it has forks: the count is taken first.
  Slot* origin;
  {
    Named parent(arguments.a[0]);
    if (!parent) return Status::stale;
    if (parent->state != State::template_) return parent->state == State::dying ? Status::stale : Status::state;
    const u64 limit = parent->memory_limit;
    if (limit != 0 && wish.memory_limit > limit) return Status::invalid;
    if (wish.memory_limit == 0) wish.memory_limit = limit;
    if (wish.memory_limit != 0 && wish.memory_limit < parent->fork_size) return Status::no_memory;
    ++parent->forks;
    origin = parent->slot;
  }
  const Enclave& parent = *origin->enclave;

  // What the template's freeze said that a fork writes, and no more: all of it is scrubbed at the end.
  const u64 size = parent.fork_size;
  Status why = Status::no_memory;
  Enclave* enclave = nullptr;
  const Pool::Block block = monitor.pool.allocate(order_for(size));
  if (!block.base.is_null()) {
    // The whole block, so that its parts are of one kind and become one again at the end.
    if (block.content == Content::dirty) arch::zero(block.base, u64{1} << order_for(size));
    monitor.pool.trim(block.base, size, Content::zero);
    enclave = make_enclave(why);
    if (enclave == nullptr) monitor.pool.release_range(block.base, size, Content::zero);
  }
  if (enclave == nullptr) {
    LockGuard guard(origin->lock);
    --origin->enclave->forks;
    return why;
  }

  Context& context = enclave->first;
  {
    LockGuard guard(enclave->slot->lock, LockGuard::adopt);
    enclave->origin = origin;
    enclave->flags = parent.flags;
    enclave->contexts = parent.contexts;
    enclave->base = parent.base;
    enclave->base_size = enclave->base_reserve = parent.base_size;
    enclave->added_pages = parent.added_pages;
    enclave->frozen_at = parent.frozen_at;
    enclave->memory_limit = wish.memory_limit;
    enclave->own = block.base;
    enclave->own_size = enclave->held = size;
    for (int i = 0; i < PL_WINDOWS; ++i) {
      enclave->windows[i].base = wish.window[i].base;
      enclave->windows[i].size = wish.window[i].size;
    }
    for (int i = 0; i < PL_MEASUREMENT_SIZE / 8; ++i) {
      reinterpret_cast<u64*>(enclave->measurement)[i] = reinterpret_cast<const u64*>(parent.measurement)[i];
    }
    write_boot_block(*enclave, block.base);
    start_context(context, parent.entry, block.base.value(), 0, parent.cookie);
    context.hart = &hart;
    enclave->set_state(State::sealed);
  }
  __atomic_store_n(&hart.forks, hart.forks + 1, __ATOMIC_RELAXED);
  // The address was checked when the structure was read.
  PhysicalAddress(arguments.a[1]).as<volatile struct pl_fork>()->id = enclave->id();
  return run_context(hart, *enclave, context);
}

}  // namespace pl::host
