// SPDX-License-Identifier: BSD-2-Clause
#include "host/calls.h"

namespace pl {

Reply serve_host_call(Hart& hart, u64 function, const Arguments& arguments) {
  switch (function) {
    case PL_HOST_FORK:
      return host::fork(hart, arguments);
    case PL_HOST_RUN:
      return host::run(hart, arguments);
    case PL_HOST_DESTROY:
      return host::destroy(arguments);
    case PL_HOST_ADD_PAGE:
      return host::add_page(arguments);
    case PL_HOST_QUERY:
      return host::query(arguments);
    case PL_HOST_RESET:
      return host::reset();
    case PL_HOST_CREATE:
      return host::create(arguments);
    case PL_HOST_SEAL:
      return host::seal(arguments);
    case PL_HOST_SET_WINDOW:
      return host::set_window(arguments);
    case PL_HOST_INSPECT:
      return host::inspect(arguments);
    default:
      return function >= PL_ENCLAVE_EXIT && function <= PL_ENCLAVE_REMOTE_FENCE ? Status::denied : Status::not_supported;
  }
}

namespace host {

Named::Named(u64 id) : slot_(monitor.table.find(id)) {
  if (slot_ == nullptr) return;
  slot_->lock.acquire();
  if (slot_->id == id && !slot_->enclave->hidden) enclave_ = slot_->enclave;
}

Named::~Named() {
  if (slot_ != nullptr) slot_->lock.release();
}

bool is_window(u64 base, u64 size) {
  if (size == 0) return base == 0;
  constexpr u64 kMax = u64{2} << 20;
  return is_power_of_two(size) && size >= kPageSize && size <= kMax && base % size == 0 && monitor.host_memory.owns(base, size);
}

}  // namespace host

}  // namespace pl
