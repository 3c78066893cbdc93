// SPDX-License-Identifier: BSD-2-Clause
#include "host/calls.h"

namespace pl::host {

Reply inspect(const Arguments& arguments) {
  Named enclave(arguments.a[0]);
  if (!enclave) return Status::stale;
  struct pl_enclave_info info = {};
  info.id = enclave->id();
  info.template_id = enclave->is_fork() ? enclave->origin->id : 0;
  info.private_bytes = enclave->private_bytes();
  info.shared_bytes = enclave->is_fork() ? enclave->base_size : 0;
  info.memory_limit = enclave->memory_limit;
  info.state = static_cast<u32>(enclave->state);
  info.flags = enclave->flags;
  info.contexts = enclave->contexts;
  info.forks = enclave->forks;
  for (int i = 0; i < PL_MEASUREMENT_SIZE; ++i) info.measurement[i] = enclave->measurement[i];
  return monitor.host_memory.write(arguments.a[1], info);
}

}  // namespace pl::host
