// SPDX-License-Identifier: BSD-2-Clause
#include "core/scrub.h"
#include "host/calls.h"

namespace pl {

namespace {

// Zeroes [base, base + size) from enclave.progress on, as far as the budget goes. True: all of it.
bool scrub(Enclave& enclave, PhysicalAddress base, u64 size, u64& budget) {
  const u64 step = min(size - enclave.progress, budget);
  if (step != 0) arch::zero(base + enclave.progress, step);
  enclave.progress += step;
  budget -= step;
  if (enclave.progress < size) return false;
  enclave.progress = 0;
  return true;
}

bool reap_extents(Enclave& enclave, u64& budget) {
  if (!enclave.pending.is_empty()) {
    monitor.pool.release(enclave.pending.base(), Content::dirty);
    enclave.pending = {};
    enclave.progress = 0;
  }
  if (!enclave.leaving.is_empty()) {
    if (!scrub(enclave, enclave.leaving.base(), enclave.leaving.size(), budget)) return false;
    monitor.pool.release(enclave.leaving.base(), Content::zero);
    enclave.leaving = {};
  }
  while (enclave.extent_count != 0) {
    const Extent extent = enclave.extents[enclave.extent_count - 1];
    if (!scrub(enclave, extent.base(), extent.size(), budget)) return false;
    monitor.pool.release(extent.base(), Content::zero);
    --enclave.extent_count;
  }
  if (enclave.own_size != 0) {
    if (!scrub(enclave, enclave.own, enclave.own_size, budget)) return false;
    monitor.pool.release_range(enclave.own, enclave.own_size, Content::zero);
    enclave.own_size = 0;
  }
  return true;
}

bool reap_base_region(Enclave& enclave, u64& budget) {
  if (enclave.is_fork() || enclave.base_reserve == 0) return true;
  if (enclave.base_size != enclave.base_reserve) {
    if (enclave.base_size == 0) {
      monitor.pool.release(enclave.base, enclave.reserve_content);
      enclave.base_reserve = 0;
      return true;
    }
    monitor.pool.trim(enclave.base, enclave.base_size, enclave.reserve_content);
    enclave.base_reserve = enclave.base_size;
  }
  if (!scrub(enclave, enclave.base, enclave.base_size, budget)) return false;
  monitor.pool.release_range(enclave.base, enclave.base_size, Content::zero);
  enclave.base_size = enclave.base_reserve = 0;
  return true;
}

void reap_contexts(Enclave& enclave) {
  for (u32 i = 1; i < PL_MAX_CONTEXTS; ++i) {
    if (enclave.context[i] == nullptr) continue;
    const PhysicalAddress block = PhysicalAddress::of(enclave.context[i]);
    arch::zero(block, u64{1} << Pool::kMinOrder);
    monitor.pool.release(block, Content::zero);
    enclave.context[i] = nullptr;
  }
}

}  // namespace

Status reap(Enclave& enclave, u64& budget) {
  if (!reap_extents(enclave, budget) || !reap_base_region(enclave, budget)) return Status::again;
  if (enclave.is_fork()) {
    // The last fork of a removed template takes it along. A template never locks a fork, so this order is safe.
    LockGuard guard(enclave.origin->lock);
    Enclave& parent = *enclave.origin->enclave;
    if (parent.hidden && parent.forks == 1) {
      if (const Status status = reap(parent, budget); status != Status::ok) return status;
    } else {
      --parent.forks;
    }
    enclave.origin = nullptr;
  }
  reap_contexts(enclave);
  if (enclave.was_template || enclave.state == State::template_) monitor.table.count_template(-1);
  __atomic_add_fetch(&monitor.reuse, 1, __ATOMIC_RELAXED);
  drop_enclave(&enclave);
  return Status::ok;
}

Status destroy_enclave(Enclave& enclave, u64& budget) {
  if (enclave.state == State::template_ && enclave.forks != 0) {
    enclave.hidden = true;
    return Status::ok;
  }
  if (enclave.state != State::dying) {
    enclave.was_template = enclave.state == State::template_;
    enclave.progress = 0;
    enclave.set_state(State::dying);
  }
  bool running = false;
  for (Context* context : enclave.context) {
    if (context == nullptr) continue;
    const Hart* hart = __atomic_load_n(&context->hart, __ATOMIC_ACQUIRE);
    if (hart == nullptr) continue;
    __atomic_add_fetch(&context->request, 1, __ATOMIC_SEQ_CST);
    arch::interrupt_hart(*hart);
    running = true;
  }
  return running ? Status::again : reap(enclave, budget);
}

namespace host {

Reply destroy(const Arguments& arguments) {
  Named enclave(arguments.a[0]);
  if (!enclave) return Status::stale;
  u64 budget = kScrubStep;
  return destroy_enclave(*enclave, budget);
}

Reply reset() {
  // Bounded by what is zeroed and by how many places of the table are looked at.
  u64 budget = kScrubStep;
  for (u32 looked = 0; looked < 1024 && budget != 0; ++looked) {
    if (monitor.table.enclaves() == 0) return Status::ok;
    const u32 index = __atomic_fetch_add(&monitor.reset_cursor, 1, __ATOMIC_RELAXED) % monitor.table.capacity();
    Slot& slot = monitor.table.at(index);
    LockGuard guard(slot.lock);
    if (slot.id == 0 || slot.enclave->hidden) continue;
    if (destroy_enclave(*slot.enclave, budget) == Status::again) {
      __atomic_store_n(&monitor.reset_cursor, index, __ATOMIC_RELAXED);
      break;
    }
  }
  return monitor.table.enclaves() == 0 ? Status::ok : Status::again;
}

}  // namespace host

}  // namespace pl
