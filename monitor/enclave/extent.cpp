// SPDX-License-Identifier: BSD-2-Clause
#include "core/scrub.h"
#include "enclave/calls.h"

namespace pl::enclave {

namespace {

void memory_changed(const EnclaveCall& call) {
  __atomic_add_fetch(&call.enclave.memory_version, 1, __ATOMIC_RELEASE);
  arch::reload_memory(call.hart);
  tell_contexts(call.enclave, &call.context, ~0u, Wait::yes);
}

// Zeroes a step of an extent that nobody reaches. True once all of it is zero.
bool scrub(Enclave& enclave, Extent extent) {
  const u64 step = min(extent.size() - enclave.progress, kScrubStep);
  arch::zero(extent.base() + enclave.progress, step);
  enclave.progress += step;
  if (enclave.progress < extent.size()) return false;
  enclave.progress = 0;
  return true;
}

// What another context left unfinished, or this one before it changed its mind. True: done.
bool finish_leaving(Enclave& enclave) {
  if (enclave.leaving.is_empty()) return true;
  if (!scrub(enclave, enclave.leaving)) return false;
  __atomic_add_fetch(&monitor.reuse, 1, __ATOMIC_RELAXED);
  monitor.pool.release(enclave.leaving.base(), Content::zero);
  enclave.leaving = {};
  return true;
}

}  // namespace

Outcome extent_get(const EnclaveCall& call) {
  Enclave& enclave = call.enclave;
  const u64 size = call.arguments.a[0];
  if (!is_power_of_two(size) || size < kPageSize) return Status::invalid;
  // More than there could ever be is no reason to ask the host for room.
  if (size > monitor.pool.size()) return Status::no_memory;
  LockGuard guard(enclave.slot->lock);
  if (!finish_leaving(enclave)) return Outcome::repeating();
  if (!enclave.pending.is_empty() && enclave.pending.size() != size) {
    monitor.pool.release(enclave.pending.base(), Content::dirty);
    enclave.pending = {};
    enclave.progress = 0;
  }
  if (enclave.pending.is_empty()) {
    if (enclave.extent_count + (enclave.own_size != 0) == Enclave::kMaxExtents) return Status::no_entry;
    if (enclave.memory_limit != 0 && size > enclave.memory_limit - min(enclave.memory_limit, enclave.held)) return Status::no_memory;
    const Pool::Block block = monitor.pool.allocate(log2_of(size));
    if (block.base.is_null()) return ask_host_for_memory(call, size);
    call.context.asked_memory = false;
    enclave.pending = Extent(block.base, log2_of(size));
    enclave.pending_content = block.content;
    enclave.progress = 0;
  }
  if (enclave.pending_content == Content::dirty && !scrub(enclave, enclave.pending)) return Outcome::repeating();

  const Extent extent = enclave.pending;
  enclave.pending = {};
  enclave.extents[enclave.extent_count++] = extent;
  enclave.held += size;
  memory_changed(call);
  return Reply::of(extent.base().value());
}

Outcome extent_put(const EnclaveCall& call) {
  Enclave& enclave = call.enclave;
  const PhysicalAddress base(call.arguments.a[0]);
  LockGuard guard(enclave.slot->lock);
  if (!enclave.leaving.is_empty()) {
    const bool same = enclave.leaving.base() == base;
    if (!finish_leaving(enclave)) return Outcome::repeating();
    if (same) return Status::ok;
  }
  if (!enclave.pending.is_empty()) {
    monitor.pool.release(enclave.pending.base(), Content::dirty);
    enclave.pending = {};
    enclave.progress = 0;
  }
  for (u32 i = 0; i < enclave.extent_count; ++i) {
    if (enclave.extents[i].base() != base) continue;
    enclave.leaving = enclave.extents[i];
    enclave.extents[i] = enclave.extents[--enclave.extent_count];
    enclave.extents[enclave.extent_count] = {};
    enclave.held -= enclave.leaving.size();
    memory_changed(call);  // out of every hart's reach before it is anyone else's
    return finish_leaving(enclave) ? Outcome(Status::ok) : Outcome::repeating();
  }
  return Status::address;
}

}  // namespace pl::enclave
