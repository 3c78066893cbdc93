// SPDX-License-Identifier: BSD-2-Clause
#include "arch/memory.h"
#include "host/calls.h"

namespace pl::host {

Reply add_page(const Arguments& arguments) {
  const u64 source = arguments.a[1];
  Named enclave(arguments.a[0]);
  if (!enclave) return Status::stale;
  if (enclave->state != State::created) return Status::state;
  if (source % kPageSize != 0) return Status::invalid;
  if (!monitor.host_memory.owns(source, kPageSize)) return Status::address;
  // One page behind the last is the boot block's.
  if (enclave->base_size + 2 * kPageSize > enclave->base_reserve) return Status::no_memory;
  if (enclave->memory_limit != 0 && enclave->base_size + 2 * kPageSize > enclave->memory_limit) return Status::no_memory;

  const u64 index = enclave->added_pages;
  const PhysicalAddress page = enclave->base + enclave->base_size;
  // What is hashed is the copy, which the host no longer reaches.
  arch::copy(page, PhysicalAddress(source), kPageSize);
  enclave->hash.update(&index, 1);
  enclave->hash.update(page.as<const u64>(), kPageSize / 8);
  enclave->added_pages = index + 1;
  enclave->base_size += kPageSize;
  enclave->held += kPageSize;
  return Reply::of(index);
}

}  // namespace pl::host
