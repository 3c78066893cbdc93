// SPDX-License-Identifier: BSD-2-Clause
#include "core/scrub.h"
#include "enclave/calls.h"

namespace pl::enclave {

namespace {

PhysicalAddress boot_block_of(const Enclave& enclave) {
  return enclave.is_fork() ? enclave.own : enclave.base + enclave.added_pages * kPageSize;
}

}  // namespace

Outcome context_start(const EnclaveCall& call) {
  Enclave& enclave = call.enclave;
  const u64 number = call.arguments.a[0], entry = call.arguments.a[1], opaque = call.arguments.a[2];
  if (number >= enclave.contexts || entry % 2 != 0) return Status::invalid;
  LockGuard guard(enclave.slot->lock);
  if (enclave.context[number] != nullptr) return Status::state;
  const Pool::Block block = monitor.pool.allocate(Pool::kMinOrder);
  if (block.base.is_null()) return ask_host_for_memory(call, u64{1} << Pool::kMinOrder);
  call.context.asked_memory = false;
  if (block.content == Content::dirty) arch::zero(block.base, u64{1} << Pool::kMinOrder);
  Context* context = block.base.as<Context>();
  start_context(*context, entry, boot_block_of(enclave).value(), number, opaque);
  enclave.context[number] = context;
  return Status::ok;
}

Outcome context_kick(const EnclaveCall& call) {
  Enclave& enclave = call.enclave;
  const u32 mask = static_cast<u32>(call.arguments.a[0]);
  if (call.arguments.a[0] >> enclave.contexts != 0) return Status::invalid;
  LockGuard guard(enclave.slot->lock);
  for (u32 i = 0; i < enclave.contexts; ++i) {
    Context* other = enclave.context[i];
    if (!(mask >> i & 1) || other == nullptr) continue;
    if (other == &call.context) {
      arch::raise_software_interrupt();
    } else {
      // One that is on no hart finds it when the host runs it again.
      __atomic_store_n(&other->kicked, 1u, __ATOMIC_RELEASE);
    }
  }
  tell_contexts(enclave, &call.context, mask, Wait::no);
  return Status::ok;
}

Outcome remote_fence(const EnclaveCall& call) {
  Enclave& enclave = call.enclave;
  if (call.arguments.a[0] >> enclave.contexts != 0) return Status::invalid;
  LockGuard guard(enclave.slot->lock);
  tell_contexts(enclave, &call.context, static_cast<u32>(call.arguments.a[0]), Wait::yes);
  return Status::ok;
}

}  // namespace pl::enclave
