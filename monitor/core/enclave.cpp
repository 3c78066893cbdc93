// SPDX-License-Identifier: BSD-2-Clause
#include "core/enclave.h"

namespace pl {

bool Enclave::is_running() const {
  for (const Context* each : context) {
    if (each != nullptr && __atomic_load_n(&each->hart, __ATOMIC_ACQUIRE) != nullptr) return true;
  }
  return false;
}

u64 Enclave::private_bytes() const {
  u64 bytes = u64{1} << Pool::kMinOrder;
  for (u32 i = 1; i < PL_MAX_CONTEXTS; ++i) {
    if (context[i] != nullptr) bytes += u64{1} << Pool::kMinOrder;
  }
  // A base region that can still grow holds its whole reservation.
  if (!is_fork()) bytes += state == State::template_ ? base_size : base_reserve;
  bytes += own_size;
  for (u32 i = 0; i < extent_count; ++i) bytes += extents[i].size();
  return bytes + pending.size() + leaving.size();
}

}  // namespace pl
