// SPDX-License-Identifier: BSD-2-Clause
#include "core/scrub.h"
#include "host/calls.h"

namespace pl {

Enclave* make_enclave(Status& why) {
  const Pool::Block block = monitor.pool.allocate(Pool::kMinOrder);
  if (block.base.is_null()) {
    why = Status::no_memory;
    return nullptr;
  }
  if (block.content == Content::dirty) arch::zero(block.base, u64{1} << Pool::kMinOrder);
  Enclave* enclave = block.base.as<Enclave>();
  // Before the table shows it.
  enclave->state = State::created;
  enclave->contexts = 1;
  enclave->context[0] = &enclave->first;
  enclave->slot = monitor.table.insert(enclave);
  if (enclave->slot == nullptr) {
    drop_enclave(enclave);
    why = Status::limit;
    return nullptr;
  }
  return enclave;
}

void drop_enclave(Enclave* enclave) {
  const PhysicalAddress block = PhysicalAddress::of(enclave);
  if (enclave->slot != nullptr) monitor.table.erase(enclave->slot);
  // Only the record was ever written: the rest of its block is zero.
  arch::zero(block, (sizeof(Enclave) + 63) & ~u64{63});
  monitor.pool.release(block, Content::zero);
}

namespace host {

Reply create(const Arguments& arguments) {
  struct pl_create wish;
  if (const Status status = monitor.host_memory.read(arguments.a[0], wish); status != Status::ok) return status;
  if (!is_power_of_two(wish.reserve) || wish.reserve < (u64{1} << 20)) return Status::invalid;
  if (wish.contexts < 1 || wish.contexts > PL_MAX_CONTEXTS) return Status::invalid;
  if (wish.flags & ~(PL_CREATE_FREEZABLE | PL_CREATE_DEBUG)) return Status::invalid;

  const Pool::Block region = monitor.pool.allocate(log2_of(wish.reserve));
  if (region.base.is_null()) return Status::no_memory;
  Status why;
  Enclave* enclave = make_enclave(why);
  if (enclave == nullptr) {
    monitor.pool.release(region.base, region.content);
    return why;
  }
  LockGuard guard(enclave->slot->lock, LockGuard::adopt);
  enclave->flags = wish.flags;
  enclave->contexts = wish.contexts;
  enclave->memory_limit = wish.memory_limit;
  enclave->base = region.base;
  enclave->base_reserve = wish.reserve;
  enclave->reserve_content = region.content;
  enclave->hash.start();
  enclave->hash.update(reinterpret_cast<const u64*>(&wish), sizeof(wish) / 8);
  return Reply::of(enclave->id());
}

}  // namespace host

}  // namespace pl
