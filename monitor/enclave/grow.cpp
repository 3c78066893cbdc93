// SPDX-License-Identifier: BSD-2-Clause
#include "core/scrub.h"
#include "enclave/calls.h"

namespace pl::enclave {

Outcome grow(const EnclaveCall& call) {
  Enclave& enclave = call.enclave;
  const u64 bytes = call.arguments.a[0];
  if (enclave.is_fork()) return Status::state;
  if (bytes % kPageSize != 0) return Status::invalid;
  LockGuard guard(enclave.slot->lock);
  if (bytes > enclave.base_reserve - enclave.base_size) return Status::no_memory;
  if (enclave.memory_limit != 0 && bytes > enclave.memory_limit - min(enclave.memory_limit, enclave.held)) return Status::no_memory;

  if (enclave.reserve_content == Content::dirty) {
    const u64 step = min(bytes - min(bytes, enclave.grown), kScrubStep);
    arch::zero(enclave.base + enclave.base_size + enclave.grown, step);
    enclave.grown += step;
    if (enclave.grown < bytes) return Outcome::repeating();
    enclave.grown -= bytes;
  }
  enclave.base_size += bytes;
  enclave.held += bytes;
  __atomic_add_fetch(&enclave.memory_version, 1, __ATOMIC_RELEASE);
  arch::reload_memory(call.hart);
  tell_contexts(enclave, &call.context, ~0u, Wait::yes);
  return Reply::of(enclave.base_size);
}

}  // namespace pl::enclave
