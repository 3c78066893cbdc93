// SPDX-License-Identifier: BSD-2-Clause
// A thread: the registers of its user side, a kernel stack, and what POSIX makes per thread.
//
// The first thread lives in the hot block, so what a system call writes on its common path is private to a fork already.
#pragma once

#include <cstdint>

#include "arch/context.h"
#include "arch/fp.h"
#include "arch/trap_frame.h"
#include "base/address.h"
#include "base/list.h"
#include "memory/address_space.h"
#include "process/signal.h"
#include "process/wait.h"
#include "time/timer.h"

namespace pl {

class Process;
struct Credentials;

enum class ThreadState : uint8_t { Runnable, Sleeping, Stopped, Dead };

// Scheduling policies (sched(7)).
enum Policy : int { PolicyOther = 0, PolicyFifo = 1, PolicyRoundRobin = 2, PolicyBatch = 3, PolicyIdle = 5, PolicyDeadline = 6 };

// Why a thread must not go straight back to its program. Looked at once on the way out of each trap.
enum Work : uint32_t { WorkSignal = 1, WorkReschedule = 2, WorkTimer = 4, WorkFreeze = 8, WorkDebug = 16, WorkAsync = 32 };

// How restart_syscall continues an interrupted sleep with the time that is left.
struct RestartBlock {
  ErrorOr<uint64_t> (*function)(RestartBlock&) = nullptr;
  uint64_t deadline = 0;
  uint64_t arguments[4] = {};
};

struct WakeTimer : Timer {
  Thread* thread = nullptr;
};

class Thread {
 public:
  // A thread of `process` with a kernel stack, not yet runnable.
  static ErrorOr<Thread*> create(Process& process, int tid);
  void destroy();  // frees it, on another stack than its own; the first stays where it is
  void unlink();   // out of its process and the table
  void rename(int new_tid);  // execve: becomes the leader

  // ---- written by every trap ----
  TrapFrame frame;              // the user side's registers
  uint32_t work = 0;            // Work bits
  ThreadState state = ThreadState::Runnable;
  bool interruptible = false;   // of a Sleeping one
  bool woken = false;           // a queue was woken since the last sleep
  bool frame_replaced = false;  // sigreturn, execve: what is in a0 is no result, so nothing is restarted
  uint64_t original_a0 = 0;     // first argument of the system call, for a restart
  int tid = 0;
  Process* process = nullptr;
  AddressSpace* address_space = nullptr;  // the process holds the reference
  Credentials* credentials = nullptr;     // those of the process, or its own on the heap
  bool in_call = false;  // of a debug enclave: a system call has yet to write its result into the frame
  uint8_t rank = 0;      // higher ones run first: its real-time priority, or that of who waits for a lock of its

  // ---- scheduling ----
  KernelContext context;   // while switched away
  KernelAddress stack;     // lowest address of the kernel stack
  ListLink<Thread> run_link;
  ListLink<Thread> process_link;
  ListLink<Thread> id_link;
  WakeTimer wake_timer;
  uint64_t delay = 0;  // ticks that the sleep in progress does not count: its template was frozen meanwhile
  uint64_t started_running = 0;  // time CSR
  uint64_t cpu_ticks = 0;        // consumed before started_running
  uint64_t system_ticks = 0;     // of these, inside the libOS
  uint32_t voluntary_switches = 0, involuntary_switches = 0, minor_faults = 0;

  // ---- signals ----
  SignalSet blocked;
  SignalSet blocked_before;     // what sigreturn puts back after sigsuspend, ppoll, pselect
  bool restore_blocked = false;
  SignalSet waited_for;         // by rt_sigtimedwait: wakes though blocked
  PendingSignals pending;
  SignalStack alternate_stack;
  RestartBlock restart;

  // ---- threads library ----
  UserAddress clear_child_tid;
  UserAddress set_child_tid;    // written by the thread itself before its first instruction
  UserAddress robust_list;
  Thread* pi_owner = nullptr;     // who holds the priority-inheriting lock that this thread waits for
  bool pi_awaited = false;        // somebody may wait for a priority-inheriting lock that this thread holds
  bool futexes_released = false;  // it ends, and whoever begins to wait for it now would do so for ever
  char name[16] = {};
  uint32_t death_signal = 0;    // PR_SET_PDEATHSIG
  uint64_t timer_slack = 50000;
  int nice = 0;               // remembered only
  int policy = 0, priority = 0;  // the priority of a real-time policy (sched(7)); 0: round robin with its like
  bool gives_way = false;        // when it next stops running: to others of its rank
  bool reset_policy = false;    // SCHED_RESET_ON_FORK: not for its children
  uint16_t io_priority = 0;     // ioprio_set(2): remembered only
  Ref<AddressSpace> last_address_space;  // of an ended process: its tables are in use until this thread is switched away

  FloatState floats;  // as last saved: what counts is in the hart while this thread is the last that ran there

  bool is_first() const;
  // Of this thread or shared, and not blocked (or waited for).
  bool has_deliverable_signal() const;
};

// The running thread of this hart.
inline Thread& current_thread() { return *this_context().thread; }

}  // namespace pl
