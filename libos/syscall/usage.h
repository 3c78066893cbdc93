// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "process/process.h"
#include "syscall/abi.h"

namespace pl {

constexpr TimeValue to_timevalue(uint64_t ns) {
  return {int64_t(ns / NanosecondsPerSecond), int64_t(ns % NanosecondsPerSecond / 1000)};
}

// What getrusage(2) and wait4(2) tell.
ResourceUsage resource_usage(const Process::Usage& usage);

}  // namespace pl
