// SPDX-License-Identifier: BSD-2-Clause
// A process (thread group): what its threads share.
#pragma once

#include <cstdint>

#include "base/list.h"
#include "base/ref.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "ipc/semaphore.h"
#include "memory/address_space.h"
#include "process/credentials.h"
#include "process/limits.h"
#include "process/signal.h"
#include "process/thread.h"
#include "process/wait.h"
#include "time/interval.h"

namespace pl {

struct VforkWait {
  WaitQueue queue;
  bool done = false;
};

class Process;

// What is left of a process for those who have a descriptor of it.
struct ProcessHandle : RefCounted {
  Process* process = nullptr;  // null once it was waited for
  WaitQueue ended;
};

enum class ProcessState : uint8_t { Alive, Stopped, Zombie };

class Process {
 public:
  static ErrorOr<Process*> create(Process& parent);
  static Process& first();
  void set_parent(Process* new_parent);
  void destroy();  // frees it; the first stays where it is

  // ---- read by the commonest calls: kept together ----
  int pid = 0;
  Process* parent = nullptr;  // null: the instance itself, or pid 1
  int group = 0;    // process group id
  int session = 0;  // session id
  ProcessState state = ProcessState::Alive;
  bool exiting = false;        // exit_group has begun: threads end on their way out
  Thread* survivor = nullptr;  // execve: the one thread that `exiting` does not end
  bool executed = false;       // has called execve since fork (setpgid: EACCES)
  bool stop_reported = true, continue_reported = true;  // to wait
  bool subreaper = false;
  bool debugged = false;       // its stops are told (process/debug.h)
  bool fixed_layout = false;  // personality(2): ADDR_NO_RANDOMIZE, for what it executes
  int16_t oom_score_adjustment = 0, oom_score_least = 0;  // proc(5): what it may lower the first to without CAP_SYS_RESOURCE
  uint8_t exit_signal = sig::Child;  // what the parent gets
  int stop_signal = 0;
  int exit_status = 0;  // as wait4 reports it: code << 8 | signal | 0x80 core
  int group_exit_status = 0;

  List<Thread, &Thread::process_link> threads;
  uint32_t thread_count = 0;
  Thread* leader = nullptr;  // null once it has ended

  Ref<AddressSpace> address_space;
  Ref<Descriptors> descriptors;
  Ref<FileContext> file_context;
  Ref<SignalActions> actions;
  PendingSignals pending;
  Credentials credentials;  // its leader's, also when that has ended: what others see as the process'; all its threads' as long as none has changed its own
  Limits limits;
  IntervalTimers timers;

  ListLink<Process> sibling_link;
  ListLink<Process> id_link;
  ListLink<Process> all_link;
  List<Process, &Process::sibling_link> children;
  WaitQueue child_changed;    // wait4 of this process sleeps here
  VforkWait* vfork_parent = nullptr;  // on the parent's kernel stack, until release_vfork()
  WaitQueue thread_exited;    // execve, exit: waits for the other threads

  // What the threads that ended, and the children that were waited for, have used.
  struct Usage { uint64_t cpu_ticks = 0, system_ticks = 0; uint64_t minor_faults = 0, voluntary = 0, involuntary = 0, most_resident = 0; };
  void note_resident();  // before its address space goes
  Usage ended, waited;
  uint64_t started_at = 0;  // time CSR
  ipc::UndoList undo;         // semaphores that its end gives back
  Ref<ProcessHandle> handle;  // null: nobody asked for a descriptor of it

  // For /proc: the mapped image and its arguments.
  char name[16] = {};
  Ref<Inode> executable;
  UserAddress signal_trampoline;  // rt_sigreturn in the vDSO
  UserAddress arguments_start, arguments_end, environment_start, environment_end, auxiliary, auxiliary_end;
  char executable_path[256] = {};

  bool is_first() const;
  bool is_dumpable() const { return address_space && address_space->dumpable; }
  uint64_t limit(Limits::Resource r) const { return limits[r].current; }
  Usage usage() const;  // of all its threads, ended ones included
};

inline Process& current_process() { return *current_thread().process; }
inline Credentials& current_credentials() { return *current_thread().credentials; }
// The same for a change: they are then the current thread's alone.
ErrorOr<Credentials*> changeable_credentials();
// After the caller's ids or capabilities have changed from what `old` says: others may no longer look into its memory then.
void credentials_changed(const Ids& old);

// ---- the table of processes and threads ----
// pid 1 is no process: it stands for whoever adopts orphans, and reaps them at once.
constexpr int AdopterPid = 1;
// Once, at boot: the first process and its thread, in the hot block, on the stack that is running.
Process& make_first_process();
Thread& first_thread_of_instance();
int allocate_id();                // an unused pid or tid
Process* find_process(int pid);   // zombies too
Thread* find_thread(int tid);
// Calls visit for each process in pid order of creation until it returns false.
void for_each_process(bool (*visit)(void*, Process&), void* context);
template <class F>
void for_each_process(F visit) {
  for_each_process([](void* f, Process& p) { return (*static_cast<F*>(f))(p); }, &visit);
}

}  // namespace pl
