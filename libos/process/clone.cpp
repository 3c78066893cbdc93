// SPDX-License-Identifier: BSD-2-Clause
#include "process/clone.h"

#include <cstring>

#include "memory/user.h"
#include "process/debug.h"
#include "process/process.h"
#include "process/process_file.h"
#include "process/scheduler.h"

namespace pl {

namespace {

ErrorOr<void> check(const CloneRequest& r) {
  namespace f = clone_flag;
  auto both = [&](uint64_t a, uint64_t b) { return (r.flags & a) && (r.flags & b); };
  auto without = [&](uint64_t a, uint64_t b) { return (r.flags & a) && !(r.flags & b); };
  if (without(f::SignalHandlers, f::Memory) || without(f::Thread, f::SignalHandlers) ||
      both(f::SignalHandlers, f::ClearSignalHandlers))
    return fail(Errno::Invalid);
  if (both(f::PidDescriptor, f::Thread)) return fail(Errno::Invalid);
  if (r.flags & f::Namespaces) return fail(Errno::Perm);
  if (r.exit_signal < 0 || r.exit_signal > sig::Count) return fail(Errno::Invalid);
  return {};
}

// What fork copies and CLONE_* flags share.
ErrorOr<void> share_or_copy(Process& child, Process& parent, uint64_t flags) {
  child.address_space = flags & clone_flag::Memory ? parent.address_space : TRY(parent.address_space->clone());
  child.descriptors = flags & clone_flag::Files ? parent.descriptors : TRY(parent.descriptors->clone());
  child.file_context = flags & clone_flag::FileSystem ? parent.file_context : TRY(parent.file_context->clone());
  if (flags & clone_flag::SignalHandlers) {
    child.actions = parent.actions;
  } else {
    child.actions = TRY(make<SignalActions>());
    child.actions->copy_from(*parent.actions);
    if (flags & clone_flag::ClearSignalHandlers) child.actions->reset_handlers();
  }
  return {};
}

void copy_thread(Thread& child, Thread& parent, const CloneRequest& r) {
  save_floats(parent);
  child.floats = parent.floats;
  child.frame = parent.frame;
  child.frame.a(0) = 0;
  if (r.stack) child.frame.sp() = r.stack;
  if (r.flags & clone_flag::SetTls) child.frame.x[RegisterTp] = r.tls;
  child.blocked = parent.blocked;
  // A thread starts without an alternate stack: it would be its sibling's (sigaltstack(2)).
  if (!(r.flags & clone_flag::Memory) || (r.flags & clone_flag::Vfork)) child.alternate_stack = parent.alternate_stack;
  // sched(7): what has no business with its children's scheduling says so.
  if (!parent.reset_policy) {
    child.nice = parent.nice;
    child.policy = parent.policy;
    child.priority = parent.priority;
    child.rank = uint8_t(parent.priority);
  } else if (!parent.priority) {
    child.nice = parent.nice > 0 ? parent.nice : 0;
    child.policy = parent.policy;
  }
  child.io_priority = parent.io_priority;
  child.timer_slack = parent.timer_slack;
  memcpy(child.name, parent.name, sizeof(child.name));
  if (r.flags & clone_flag::ChildClearTid) child.clear_child_tid = r.child_tid;
  if (r.flags & clone_flag::ChildSetTid) child.set_child_tid = r.child_tid;
  debug::thread_starts(child);
}

uint64_t process_count(uint32_t uid) {
  uint64_t count = 0;
  for_each_process([&](Process& p) {
    for (Thread& thread : p.threads) count += thread.credentials->uid == uid;
    return true;
  });
  return count;
}

}  // namespace

ErrorOr<int> clone_current(const CloneRequest& r) {
  TRY(check(r));
  Thread& me = current_thread();
  Process& process = *me.process;
  const Credentials& who = *me.credentials;
  bool unlimited = !who.uid || who.has(Capability::Resource) || who.has(Capability::Administration);
  if (!unlimited && process.limit(Limits::Processes) != Limit::Infinity &&
      process_count(who.uid) >= process.limit(Limits::Processes))
    return fail(Errno::Again);

  if (r.flags & clone_flag::Thread) {
    if (process.exiting) return fail(Errno::RestartAlways);
    Thread* thread = TRY(Thread::create(process, allocate_id()));
    copy_thread(*thread, me, r);
    int tid = thread->tid;
    if (r.flags & clone_flag::ParentSetTid) (void)UserOut<int>{r.parent_tid}.write(tid);  // clone(2): a bad address is ignored
    start_thread(*thread);
    return tid;
  }

  Process* child = TRY(Process::create(process));
  Guard undo([&] { child->destroy(); });
  TRY(share_or_copy(*child, process, r.flags));
  int descriptor = -1;
  Guard undo_descriptor([&] { if (descriptor >= 0) (void)process.descriptors->close(descriptor); });
  if (r.flags & clone_flag::PidDescriptor) {
    descriptor = TRY(process.descriptors->install(TRY(ProcessFile::create(*child, 0)), OnExec::Close));
    TRY(UserOut<int>{r.descriptor}.write(descriptor));
  }
  Thread* thread = TRY(Thread::create(*child, child->pid));
  undo.disarm();
  undo_descriptor.disarm();
  child->leader = thread;
  child->exit_signal = uint8_t(r.exit_signal);
  child->set_parent(r.flags & clone_flag::Parent ? process.parent : &process);
  if (r.flags & clone_flag::Parent) child->exit_signal = process.exit_signal;
  child->debugged = process.debugged && debug::wants(PL_STOP_FORK);
  copy_thread(*thread, me, r);
  int pid = child->pid;
  if (r.flags & clone_flag::ParentSetTid) (void)UserOut<int>{r.parent_tid}.write(pid);

  debug::stop_of(PL_STOP_FORK, uint64_t(pid), int(r.flags));
  VforkWait wait;
  if (r.flags & clone_flag::Vfork) child->vfork_parent = &wait;
  start_thread(*thread);
  if (r.flags & clone_flag::Vfork)
    (void)wait_for(wait.queue, NoDeadline, Sleep::Uninterruptible, [&] { return wait.done; });
  if (r.flags & clone_flag::Vfork) debug::stop_of(PL_STOP_VFORK_DONE, uint64_t(pid));
  return pid;
}

}  // namespace pl
