// SPDX-License-Identifier: BSD-2-Clause
#include "host/calls.h"

namespace pl::host {

Reply set_window(const Arguments& arguments) {
  const u64 which = arguments.a[1], base = arguments.a[2], size = arguments.a[3];
  Named enclave(arguments.a[0]);
  if (!enclave) return Status::stale;
  if (enclave->state != State::created && enclave->state != State::sealed) return Status::state;
  if (which >= PL_WINDOWS) return Status::invalid;
  if (size == 0 ? base != 0 : !is_power_of_two(size)) return Status::invalid;
  if (!is_window(base, size)) return size != 0 && monitor.host_memory.owns(base, size) ? Status::invalid : Status::address;
  if (enclave->is_running()) return Status::busy;
  enclave->windows[which] = {base, size};
  ++enclave->memory_version;
  return Status::ok;
}

}  // namespace pl::host
