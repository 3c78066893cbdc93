// SPDX-License-Identifier: BSD-2-Clause
// The freeze and what follows it in a fork.
#pragma once

#include "arch/counter.h"
#include "arch/monitor.h"
#include "base/error.h"

namespace pl::shadow {

// Where a fork begins: with the program, in continue_fork(), or where its template's program had come to, in resume().
enum class ForkEntry : uint8_t { Program, Point };

// Turns this enclave into a template: no lock is held, the ring is empty, every other thread of the one process sleeps inside or waits for
// its turn. For ForkEntry::Program the process has its program mapped, or none yet, but no user stack. Does not return but with an error.
Errno freeze(ForkEntry entry);

// True in a fork.
bool is_fork();
// Different in every fork and in the template (the monitor's enclave id).
uint64_t generation();

// Where an instance's instructions went: the counter at the end of each step of its life, in the hot block. A cold start has not all.
enum class Step : uint8_t { Entered, Tables, Frames, Ready, Loaded, Parameters, Places, Stack, Program, Ending, Count };
extern uint64_t step_counter[unsigned(Step::Count)];
inline void mark(Step step, uint64_t count = instructions_retired()) { step_counter[unsigned(step)] = count; }

// PL_CONFIG_EXPLAIN: lines in the log for the steps, and one for each private page of a fork. Before the first process lets go of
// anything.
void explain();
void want_explanation();

}  // namespace pl::shadow
