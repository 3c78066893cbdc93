// SPDX-License-Identifier: BSD-2-Clause
// Many instances of one program on one server: one after another, and all at once.
#pragma once

#include <cstdint>

#include "bench/laboratory.h"

namespace pl::bench {

struct Spent {
  uint64_t instructions = 0;
  uint64_t nanoseconds = 0;
};

// `count` instances, each started, run and gone before the next, with all that the host program does for one; and as many processes of
// the same file, spawned and waited for by this process.
OrFailure<Spent> instances_in_a_row(Laboratory& laboratory, const std::string& program, unsigned count);
OrFailure<Spent> processes_in_a_row(Laboratory& laboratory, const std::string& program, unsigned count);

struct Crowd {
  unsigned instances = 0;     // alive at once, as the monitor counts them
  unsigned threads = 0;       // of this process, then
  uint64_t pool_bytes = 0;    // that each of them took
  uint64_t nanoseconds = 0;   // from the first start to the last end
};
// So many instances at once, or as many as the pool has room for: each has read a nonce and answered, and waits for a second one; then
// they are finished in a random order, one at a time. Every answer and the end of each are checked.
OrFailure<Crowd> all_at_once(Laboratory& laboratory, unsigned count);

}  // namespace pl::bench
