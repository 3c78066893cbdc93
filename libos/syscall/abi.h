// SPDX-License-Identifier: BSD-2-Clause
// Structures that system calls of these families pass, as Linux lays them out on riscv64.
#pragma once

#include <cstdint>

#include "process/signal.h"
#include "time/clock.h"
#include "time/interval.h"

namespace pl {

struct TimeValue { int64_t seconds, microseconds; };
struct TimeZone { int32_t minutes_west, daylight; };
struct IntervalTimeValue { TimeValue interval, value; };  // itimerval
struct Times { int64_t user, system, children_user, children_system; };

struct ResourceUsage {
  TimeValue user, system;
  int64_t max_resident_kib, unused1[3], minor_faults, major_faults, swaps, in_blocks, out_blocks, sent, received, signals, voluntary, involuntary;
};
static_assert(sizeof(ResourceUsage) == 144);

struct SystemNames { char system[65], node[65], release[65], version[65], machine[65], domain[65]; };
struct SystemInformation {
  int64_t uptime;
  uint64_t loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
  uint16_t processes, pad;
  uint64_t total_high, free_high;
  uint32_t unit;
};
static_assert(sizeof(SystemInformation) == 112);

// clone3(2); later fields exist when `size` says so.
struct CloneArguments {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

struct RawSignalInfo { uint8_t bytes[SignalInfoSize]; };
struct SignalStackArgument { uint64_t base; int32_t flags; int32_t pad; uint64_t size; };
struct SignalEvent {  // sigevent
  uint64_t value;
  int32_t signal, notify;
  int32_t thread;
  uint32_t pad[11];
};
static_assert(sizeof(SignalEvent) == 64);

struct RobustListHead { uint64_t next; int64_t futex_offset; uint64_t pending; };
struct CapabilityHeader { uint32_t version; int32_t pid; };
struct CapabilityData { uint32_t effective, permitted, inheritable; };
struct SchedulingParameter { int32_t priority; };
struct SchedulingAttributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

}  // namespace pl
