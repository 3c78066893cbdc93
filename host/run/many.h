// SPDX-License-Identifier: BSD-2-Clause
// pl-run -n: many instances of one program, so many of them at once, on one thread.
#pragma once

#include "run/host_files.h"
#include "run/job.h"
#include "run/options.h"
#include "run/serving.h"

namespace pl {

// At most so many at once, unless -j says otherwise.
inline constexpr uint32_t kJobs = 64;
uint32_t jobs_of(const RunOptions& options);

// Exit status when some did not end with 0, as xargs(1) has it.
inline constexpr int kSomeFailed = 123;

// What instance `index` gets instead of `invocation`'s environment.
Invocation invocation_of(const Invocation& invocation, uint32_t index, uint32_t count);

// Runs them all. `file_mask` is the caller's umask.
OrFailure<int> run_many(const RunOptions& options, const HostFiles& files, Recipe& recipe, Runtime& runtime, Signals& signals,
                        Serving& serving, const Invocation& invocation, mode_t file_mask);

}  // namespace pl
