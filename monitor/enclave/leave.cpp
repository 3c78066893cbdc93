// SPDX-License-Identifier: BSD-2-Clause
#include "enclave/calls.h"

namespace pl::enclave {

Outcome leave(const EnclaveCall& call) {
  switch (call.arguments.a[0]) {
    case PL_LEFT_DOORBELL:
      return Outcome::leaving(left(PL_LEFT_DOORBELL));
    case PL_LEFT_IDLE:
      return Outcome::leaving(left(PL_LEFT_IDLE, min(call.arguments.a[1], PL_NO_DEADLINE >> 8)));
    default:
      return Status::invalid;
  }
}

}  // namespace pl::enclave
