// SPDX-License-Identifier: BSD-2-Clause
#include "enclave/calls.h"

namespace pl::enclave {

namespace {

Outcome end_with(const EnclaveCall& call, u64 word) {
  LockGuard guard(call.enclave.slot->lock);
  end_enclave(call.enclave, &call.context, word);
  return Outcome::leaving(call.enclave.end_word);
}

}  // namespace

Outcome exit(const EnclaveCall& call) {
  return end_with(call, left(PL_LEFT_EXIT, static_cast<u32>(call.arguments.a[0])));
}

Outcome fault(const EnclaveCall& call) {
  const u64 reason = call.arguments.a[0];
  if (reason != PL_FAULT_PANIC && reason != PL_FAULT_MEMORY && reason != PL_FAULT_HOST) return Status::invalid;
  return end_with(call, left(PL_LEFT_FAULT, reason));
}

}  // namespace pl::enclave
