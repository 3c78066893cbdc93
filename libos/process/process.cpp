// SPDX-License-Identifier: BSD-2-Clause
#include "process/process.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/hot.h"
#include "memory/heap.h"
#include "memory/kernel_stack.h"
#include "net/socket.h"
#include "process/scheduler.h"

namespace pl {

namespace {

// pid 1 is the one that adopts orphans: no program, and it never waits. Programs start at 2.
constexpr int FirstPid = 2, MaxPid = 32768;
constexpr unsigned Buckets = 64;

List<Process, &Process::id_link> process_buckets[Buckets];
List<Thread, &Thread::id_link> thread_buckets[Buckets];
List<Process, &Process::all_link> all_processes;
PL_HOT int last_id = FirstPid;

// Storage without a constructor that would have to run: made in place by make_first_process.
template <class T>
union Storage {
  constexpr Storage() : none{} {}
  ~Storage() {}
  char none;
  T object;
};
PL_HOT constinit Storage<Process> first_process;
PL_HOT constinit Storage<Thread> first_thread;

bool id_in_use(int id) {
  if (find_process(id) || find_thread(id)) return true;
  // A group or session id stays taken while it has members (POSIX 4.14, "Process ID Reuse").
  for (Process& process : all_processes)
    if (process.group == id || process.session == id) return true;
  return false;
}

void link_thread(Thread& thread, Process& process) {
  thread.process = &process;
  thread.address_space = process.address_space.get();
  thread.wake_timer.thread = &thread;
  thread.wake_timer.set_function([](Timer& timer) { wake_thread(*static_cast<WakeTimer&>(timer).thread); });
  process.threads.push_back(&thread);
  ++process.thread_count;
  thread_buckets[thread.tid % Buckets].push_back(&thread);
}

void link_process(Process& process) {
  process_buckets[process.pid % Buckets].push_back(&process);
  all_processes.push_back(&process);
}

}  // namespace

int allocate_id() {
  int id = last_id;
  do id = id >= MaxPid ? 300 : id + 1;
  while (id_in_use(id));
  return last_id = id;
}

Process& Process::first() { return first_process.object; }
bool Process::is_first() const { return this == &first_process.object; }
bool Thread::is_first() const { return this == &first_thread.object; }

Process& make_first_process() {
  Process& process = *new (&first_process.object) Process;
  Thread& thread = *new (&first_thread.object) Thread;
  process.pid = process.group = process.session = thread.tid = FirstPid;
  thread.stack = boot_stack();
  link_thread(thread, process);
  link_process(process);
  process.leader = &thread;
  thread.credentials = &process.credentials;
  process.started_at = ticks_now();
  return process;
}

Thread& first_thread_of_instance() { return first_thread.object; }

ErrorOr<Process*> Process::create(Process& parent) {
  Process* process = heap_new<Process>();
  if (!process) return fail(Errno::NoMemory);
  process->pid = allocate_id();
  process->group = parent.group;
  process->session = parent.session;
  process->fixed_layout = parent.fixed_layout;
  process->oom_score_adjustment = parent.oom_score_adjustment;
  process->oom_score_least = parent.oom_score_least;
  process->credentials = current_credentials();
  process->limits = parent.limits;
  process->executable = parent.executable;
  process->signal_trampoline = parent.signal_trampoline;
  process->arguments_start = parent.arguments_start;
  process->arguments_end = parent.arguments_end;
  process->environment_start = parent.environment_start;
  process->environment_end = parent.environment_end;
  process->auxiliary = parent.auxiliary;
  process->auxiliary_end = parent.auxiliary_end;
  memcpy(process->name, parent.name, sizeof(name));
  memcpy(process->executable_path, parent.executable_path, sizeof(executable_path));
  process->started_at = ticks_now();
  link_process(*process);
  return process;
}

void Process::set_parent(Process* new_parent) {
  if (parent) parent->children.remove(this);
  parent = new_parent;
  if (parent) parent->children.push_back(this);
}

void Process::destroy() {
  set_parent(nullptr);
  process_buckets[pid % Buckets].remove(this);
  all_processes.remove(this);
  if (handle) {
    handle->process = nullptr;
    handle->ended.wake_all();
  }
  if (!is_first()) heap_delete(this);
}

ErrorOr<Thread*> Thread::create(Process& process, int tid) {
  Thread* thread = heap_new<Thread>();
  if (!thread) return fail(Errno::NoMemory);
  const bool shared = tid == process.pid || current_thread().credentials == &process.credentials;
  Credentials* credentials = shared ? &process.credentials : heap_new<Credentials>(current_credentials());
  auto stack = credentials ? allocate_kernel_stack() : fail(Errno::NoMemory);
  if (!stack) {
    if (!shared) heap_delete(credentials);
    heap_delete(thread);
    return fail(stack.error());
  }
  thread->stack = *stack;
  thread->tid = tid;
  thread->credentials = credentials;
  link_thread(*thread, process);
  return thread;
}

void Thread::unlink() {
  if (!process) return;
  process->threads.remove(this);
  --process->thread_count;
  if (process->leader == this) process->leader = nullptr;
  if (credentials != &process->credentials) heap_delete(credentials);
  credentials = nullptr;
  thread_buckets[tid % Buckets].remove(this);
  process = nullptr;
  address_space = nullptr;
}

void Thread::rename(int new_tid) {
  if (credentials != &process->credentials) {
    process->credentials = *credentials;
    heap_delete(std::exchange(credentials, &process->credentials));
  }
  thread_buckets[tid % Buckets].remove(this);
  tid = new_tid;
  thread_buckets[tid % Buckets].push_back(this);
}

void Thread::destroy() {
  unlink();
  if (is_first()) return;
  free_kernel_stack(stack);
  heap_delete(this);
}

Process* find_process(int pid) {
  if (pid <= 0) return nullptr;
  for (Process& process : process_buckets[pid % Buckets])
    if (process.pid == pid) return &process;
  return nullptr;
}

Thread* find_thread(int tid) {
  if (tid <= 0) return nullptr;
  for (Thread& thread : thread_buckets[tid % Buckets])
    if (thread.tid == tid) return &thread;
  return nullptr;
}

void for_each_process(bool (*visit)(void*, Process&), void* context) {
  for (Process* process = all_processes.first(); process;) {
    Process* next = all_processes.next(process);
    if (!visit(context, *process)) return;
    process = next;
  }
}

bool Thread::has_deliverable_signal() const {
  SignalSet all = pending.set() | process->pending.set();
  return !(all & (~blocked | waited_for)).empty() || process->state == ProcessState::Stopped ||
         (process->exiting && process->survivor != this) || frame_replaced;  // a debugger has it leave a call
}

ErrorOr<Credentials*> changeable_credentials() {
  Thread& me = current_thread();
  Process& process = *me.process;
  if ((process.thread_count == 1 && process.leader == &me) || me.credentials != &process.credentials) return me.credentials;
  // The leader keeps them and each other gets a copy; any other thread gets one itself.
  for (Thread& thread : process.threads) {
    const bool parts = process.leader == &me ? &thread != &me : &thread == &me;
    if (!parts || thread.credentials != &process.credentials) continue;
    auto copy = heap_new<Credentials>(process.credentials);
    if (!copy) return fail(Errno::NoMemory);
    thread.credentials = copy;
  }
  return me.credentials;
}

void credentials_changed(const Ids& old) {
  Thread& thread = current_thread();
  if (!thread.credentials->hidden_after(old)) return;
  thread.address_space->dumpable = false;
  thread.death_signal = 0;
}

void Process::note_resident() {
  if (address_space) ended.most_resident = std::max(ended.most_resident, address_space->peak_resident());
}

Process::Usage Process::usage() const {
  Usage sum = ended;
  if (address_space) sum.most_resident = std::max(sum.most_resident, address_space->peak_resident());
  for (const Thread& thread : threads) {
    sum.cpu_ticks += pl::cpu_ticks(thread);
    sum.system_ticks += thread.system_ticks;
    sum.minor_faults += thread.minor_faults;
    sum.voluntary += thread.voluntary_switches;
    sum.involuntary += thread.involuntary_switches;
  }
  return sum;
}

// ---- what fs/ asks of its caller: fs/context.h ----

FileContext& current_file_context() { return *current_process().file_context; }
Descriptors& current_descriptors() { return *current_process().descriptors; }
MemoryLimits current_memory_limits() {
  const Limits& limits = current_process().limits;
  return {limits[Limits::AddressSpace].current, limits[Limits::Data].current, limits[Limits::Data].maximum, limits[Limits::Stack].current};
}
uint64_t current_file_size_limit() { return current_process().limit(Limits::FileSize); }
int64_t realtime_nanoseconds() { return int64_t(realtime_ns()); }
bool signal_pending() { return current_thread().has_deliverable_signal(); }

// ---- and net/: net/socket.h ----
PeerIdentity current_identity() {
  const Credentials& c = current_credentials();
  return {current_process().pid, c.euid, c.egid};
}
PeerIdentity current_sender() {
  const Credentials& c = current_credentials();
  return {current_process().pid, c.uid, c.gid};
}

ipc::UndoList& ipc::current_undo() { return current_process().undo; }

FileCredentials current_file_credentials() {
  const Credentials& c = current_credentials();
  return {c.fsuid, c.fsgid, c.groups, c.group_count, c.effective};
}

FileCredentials current_real_credentials() {
  const Credentials& c = current_credentials();
  CapabilitySet effective = c.effective;
  if (!(c.secure_bits & secure_bit::NoSetUidFixup)) effective = c.uid ? CapabilitySet{} : c.permitted;
  return {c.uid, c.gid, c.groups, c.group_count, effective};
}

}  // namespace pl
