// SPDX-License-Identifier: BSD-2-Clause
// New threads and processes (clone(2)).
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/error.h"

namespace pl {

namespace clone_flag {
constexpr uint64_t Signal = 0xff, Memory = 0x100, FileSystem = 0x200, Files = 0x400, SignalHandlers = 0x800, PidDescriptor = 0x1000,
                   Trace = 0x2000, Vfork = 0x4000, Parent = 0x8000, Thread = 0x10000, SemaphoreUndo = 0x40000, SetTls = 0x80000,
                   ParentSetTid = 0x100000, ChildClearTid = 0x200000, Detached = 0x400000, Untraced = 0x800000, ChildSetTid = 0x1000000,
                   Io = 0x80000000, ClearSignalHandlers = 0x100000000;
// A namespace of its own: there is one of each.
constexpr uint64_t Namespaces = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x80;
}  // namespace clone_flag

struct CloneRequest {
  uint64_t flags = 0;  // without the signal
  int exit_signal = 0;
  uint64_t stack = 0;  // the new stack pointer; 0: as it is
  uint64_t tls = 0;
  UserAddress parent_tid, child_tid;
  UserAddress descriptor;  // where CLONE_PIDFD leaves its descriptor
};

// Returns the new thread's id. With CLONE_VFORK when the child has let go of the memory.
ErrorOr<int> clone_current(const CloneRequest& request);

}  // namespace pl
