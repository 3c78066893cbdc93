// SPDX-License-Identifier: BSD-2-Clause
// How threads and processes end, stop and continue, and how a parent learns of it.
#pragma once

#include "base/error.h"
#include "process/process.h"

namespace pl {

// Ends the current thread; with the last one its process, with the first process the instance.
[[noreturn]] void exit_thread(int status);
// Every thread of the current process ends. `status` as wait4 reports it.
[[noreturn]] void exit_group(int status);
// execve: every other thread of the current process ends before this returns, and the caller becomes the leader.
ErrorOr<void> become_only_thread();

void stop_process(Process& process, int signal);  // its threads stop on their way out
void continue_process(Process& process);          // SIGCONT
void resume_threads(Process& process);            // SIGKILL for a stopped one
// The parent of a vfork goes on.
void release_vfork(Process& process);
// A group none of whose members has a parent in the session but outside the group (POSIX 3.262).
bool is_orphaned(int group);

// ---- waiting for children: wait4(2), waitid(2) ----

struct ChildSelector {
  enum Kind : uint8_t { Any, Pid, Group } kind = Any;
  int id = 0;
  bool matches(const Process& child) const;
};

namespace wait_option {
constexpr uint32_t NoHang = 1, Stopped = 2, Exited = 4, Continued = 8, NoWait = 0x01000000, All = 0x40000000,
                   Clone = 0x80000000;
}

struct ChildReport {
  int pid = 0;
  uint32_t uid = 0;
  int code = 0;    // CLD_*
  int status = 0;  // as wait4 reports it
  Process::Usage usage;
};

// False: none yet, with WNOHANG. ECHILD: there is none to wait for.
ErrorOr<bool> wait_for_child(ChildSelector selector, uint32_t options, ChildReport& report);

}  // namespace pl
