// SPDX-License-Identifier: BSD-2-Clause
// The freeze and what follows it in a fork.
#pragma once

#include "arch/monitor.h"
#include "base/error.h"

namespace pl::shadow {

// Turns this enclave into a template, at the first process's entry: no other thread runs, no lock is held, the ring is empty, the
// process has its program mapped but no user stack. Does not return but with an error; forks go on in continue_fork().
Errno freeze();

// True in a fork.
bool is_fork();
// Different in every fork and in the template (the monitor's enclave id).
uint64_t generation();

// PL_CONFIG_EXPLAIN: one line in the log for each private page of this instance. Before the first process lets go of anything.
void explain_private_pages();
void want_explanation();

}  // namespace pl::shadow
