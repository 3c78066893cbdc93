// SPDX-License-Identifier: BSD-2-Clause
#include "enclave/calls.h"

namespace pl::enclave {

// SBI 2.0, chapter 4. An enclave learns nothing of the machine that its boot block does not say.
Outcome base(u64 function, const EnclaveCall& call) {
  constexpr u64 kSpecVersion = 0, kImplementationId = 1, kImplementationVersion = 2, kProbe = 3, kLast = 6;
  switch (function) {
    case kSpecVersion:
      return Reply::of(u64{2} << 24);
    case kProbe: {
      const u64 wanted = call.arguments.a[0];
      return Reply::of(wanted == PL_SBI_EXTENSION || wanted == 0x10 || wanted == 0x54494d45 ? 1 : 0);
    }
    case kImplementationId:
      return Reply::of(PL_SBI_EXTENSION);
    case kImplementationVersion:
      return Reply::of(PL_SBI_VERSION);
    default:
      return function <= kLast ? Reply::of(0) : Reply(Status::not_supported);
  }
}

// SBI 2.0, chapter 6: set_timer.
Outcome time(u64 function, const EnclaveCall& call) {
  if (function != 0) return Status::not_supported;
  arch::set_deadline(call.hart, call.context, call.arguments.a[0]);
  return Status::ok;
}

}  // namespace pl::enclave
