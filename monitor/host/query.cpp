// SPDX-License-Identifier: BSD-2-Clause
#include "host/calls.h"
#include "world/harts.h"

namespace pl::host {

Reply query(const Arguments& arguments) {
  switch (arguments.a[0]) {
    case PL_QUERY_VERSION:
      return Reply::of(PL_SBI_VERSION);
    case PL_QUERY_POOL_BASE:
      return Reply::of(monitor.pool.base().value());
    case PL_QUERY_POOL_SIZE:
      return Reply::of(monitor.pool.size());
    case PL_QUERY_POOL_FREE:
      return Reply::of(monitor.pool.free_bytes());
    case PL_QUERY_FORKS:
      return Reply::of(count_forks());
    case PL_QUERY_ENCLAVES:
      return Reply::of(monitor.table.enclaves());
    case PL_QUERY_TEMPLATES:
      return Reply::of(monitor.table.templates());
    case PL_QUERY_MAX_ENCLAVES:
      return Reply::of(monitor.table.capacity());
    case PL_QUERY_SWITCHES:
      return Reply::of(count_switches());
    case PL_QUERY_POOL_LARGEST:
      return Reply::of(monitor.pool.largest());
    default:
      return Status::invalid;
  }
}

}  // namespace pl::host
