// SPDX-License-Identifier: BSD-2-Clause
#include "enclave/calls.h"

namespace pl::enclave {

Outcome freeze(const EnclaveCall& call) {
  Enclave& enclave = call.enclave;
  const u64 entry = call.arguments.a[0], fork_size = call.arguments.a[2];
  LockGuard guard(enclave.slot->lock);
  if (!(enclave.flags & PL_CREATE_FREEZABLE) || enclave.is_fork() || enclave.state != State::sealed) return Status::state;
  if (enclave.extent_count != 0 || !enclave.leaving.is_empty()) return Status::state;
  if (entry % 2 != 0 || entry < enclave.base.value() || entry - enclave.base.value() >= enclave.base_size) return Status::invalid;
  if (fork_size == 0 || fork_size % kPageSize != 0 || fork_size > Enclave::kMaxOwnSize) return Status::invalid;
  for (u32 i = 0; i < enclave.contexts; ++i) {
    const Context* other = enclave.context[i];
    if (other != nullptr && other != &call.context && __atomic_load_n(&other->hart, __ATOMIC_ACQUIRE) != nullptr) return Status::busy;
  }
  if (!enclave.pending.is_empty()) {
    monitor.pool.release(enclave.pending.base(), Content::dirty);
    enclave.pending = {};
  }

  monitor.pool.trim(enclave.base, enclave.base_size, enclave.reserve_content);
  enclave.base_reserve = enclave.base_size;
  enclave.entry = entry;
  enclave.cookie = call.arguments.a[1];
  enclave.fork_size = fork_size;
  enclave.frozen_at = arch::now();
  for (struct pl_window& window : enclave.windows) window = {};
  // No context of it will run again: the registers are dropped with the template.
  enclave.set_state(State::template_);
  monitor.table.count_template(1);
  return Outcome::leaving(left(PL_LEFT_FROZEN));
}

}  // namespace pl::enclave
