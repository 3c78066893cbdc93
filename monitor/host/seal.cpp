// SPDX-License-Identifier: BSD-2-Clause
#include "arch/memory.h"
#include "host/calls.h"

namespace pl::host {

Reply seal(const Arguments& arguments) {
  struct Digest {
    u8 bytes[PL_MEASUREMENT_SIZE];
  };
  Named enclave(arguments.a[0]);
  if (!enclave) return Status::stale;
  if (enclave->state != State::created || enclave->added_pages == 0) return Status::state;
  if (!monitor.host_memory.accepts(arguments.a[1], sizeof(Digest))) return Status::address;

  enclave->hash.finish(enclave->measurement);
  enclave->hash = {};
  // The boot block's page.
  arch::zero(enclave->base + enclave->base_size, kPageSize);
  enclave->base_size += kPageSize;
  enclave->held += kPageSize;
  enclave->set_state(State::sealed);
  alignas(8) Digest digest;
  for (u32 i = 0; i < PL_MEASUREMENT_SIZE; ++i) digest.bytes[i] = enclave->measurement[i];
  return monitor.host_memory.write(arguments.a[1], digest);
}

}  // namespace pl::host
