// SPDX-License-Identifier: BSD-2-Clause
// The monitor's one kind of error: what a call answers in a0.
#pragma once

#include "core/types.h"

namespace pl {

enum class Status : long {
  ok = PL_OK,
  failed = PL_ERR_FAILED,
  not_supported = PL_ERR_NOT_SUPPORTED,
  invalid = PL_ERR_INVALID,
  denied = PL_ERR_DENIED,
  address = PL_ERR_ADDRESS,
  no_memory = PL_ERR_NO_MEMORY,
  no_entry = PL_ERR_NO_ENTRY,
  stale = PL_ERR_STALE,
  state = PL_ERR_STATE,
  busy = PL_ERR_BUSY,
  again = PL_ERR_AGAIN,
  limit = PL_ERR_LIMIT,
};

// What a call answers: an error, or a value.
struct [[nodiscard]] Reply {
  Status status = Status::ok;
  u64 value = 0;

  constexpr Reply(Status error) : status(error) {}
  constexpr static Reply of(u64 value) { return Reply(Status::ok, value); }

 private:
  constexpr Reply(Status s, u64 v) : status(s), value(v) {}
};

// The arguments of a call: a0 to a5.
struct Arguments {
  u64 a[6];
};

}  // namespace pl
