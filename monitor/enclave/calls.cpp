// SPDX-License-Identifier: BSD-2-Clause
#include "enclave/calls.h"

namespace pl {

namespace {

constexpr u64 kBaseExtension = 0x10, kTimeExtension = 0x54494d45;  // SBI 2.0, chapters 4 and 6

}  // namespace

Outcome serve_enclave_call(u64 extension, u64 function, const EnclaveCall& call) {
  if (extension == kTimeExtension) return enclave::time(function, call);
  if (extension == kBaseExtension) return enclave::base(function, call);
  if (extension != PL_SBI_EXTENSION) return Status::not_supported;
  switch (function) {
    case PL_ENCLAVE_EXIT:
      return enclave::exit(call);
    case PL_ENCLAVE_FAULT:
      return enclave::fault(call);
    case PL_ENCLAVE_LEAVE:
      return enclave::leave(call);
    case PL_ENCLAVE_GROW:
      return enclave::grow(call);
    case PL_ENCLAVE_EXTENT_GET:
      return enclave::extent_get(call);
    case PL_ENCLAVE_EXTENT_PUT:
      return enclave::extent_put(call);
    case PL_ENCLAVE_FREEZE:
      return enclave::freeze(call);
    case PL_ENCLAVE_CONTEXT_START:
      return enclave::context_start(call);
    case PL_ENCLAVE_CONTEXT_KICK:
      return enclave::context_kick(call);
    case PL_ENCLAVE_REMOTE_FENCE:
      return enclave::remote_fence(call);
    default:
      return function < PL_ENCLAVE_EXIT ? Status::denied : Status::not_supported;
  }
}

Outcome ask_host_for_memory(const EnclaveCall& call, u64 bytes) {
  if (call.context.asked_memory) {
    call.context.asked_memory = false;
    return Status::no_memory;
  }
  call.context.asked_memory = true;
  return Outcome::repeating(left(PL_LEFT_MEMORY, bytes));
}

}  // namespace pl
