// SPDX-License-Identifier: BSD-2-Clause
// Processes and threads: clone, execve, exit, wait, prctl.
#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "fs/path.h"
#include "fs/text.h"
#include "process/clone.h"
#include "process/deliver.h"
#include "process/exit.h"
#include "process/process_file.h"
#include "process/program.h"
#include "process/scheduler.h"
#include "syscall/capability.h"
#include "syscall/table.h"
#include "syscall/usage.h"

namespace pl {

Result sys_exit(int status) { exit_thread((status & 0xff) << 8); }
Result sys_exit_group(int status) { exit_group((status & 0xff) << 8); }

Result sys_set_tid_address(UserAddress clear) {
  current_thread().clear_child_tid = clear;
  return uint64_t(current_thread().tid);
}

// ---- clone ----

Result sys_clone(uint64_t flags, uint64_t stack, UserAddress parent_tid, uint64_t tls, UserAddress child_tid) {
  CloneRequest request;
  request.flags = flags & 0xffffffff & ~clone_flag::Signal;
  request.exit_signal = int(flags & clone_flag::Signal);
  request.stack = stack;
  request.tls = tls;
  request.parent_tid = parent_tid;
  request.child_tid = child_tid;
  // clone(2): the descriptor goes where the tid would.
  request.descriptor = parent_tid;
  if (flags & clone_flag::PidDescriptor && flags & (clone_flag::ParentSetTid | clone_flag::Detached)) return fail(Errno::Invalid);
  return uint64_t(TRY(clone_current(request)));
}

Result sys_clone3(UserAddress arguments, size_t size) {
  constexpr size_t FirstVersion = 64;
  if (size > PageSize) return fail(Errno::TooBig);
  if (size < FirstVersion) return fail(Errno::Invalid);
  CloneArguments a{};
  TRY(copy_from_user(&a, arguments, std::min(size, sizeof(a))));
  // A newer structure is understood as long as what it adds is zero.
  for (size_t at = sizeof(a); at < size; at += sizeof(uint64_t)) {
    uint64_t word = 0;
    TRY(copy_from_user(&word, arguments + at, std::min(size - at, sizeof(word))));
    if (word) return fail(Errno::TooBig);
  }
  if (a.flags & (clone_flag::Signal | clone_flag::Detached) & ~uint64_t(0x80)) return fail(Errno::Invalid);
  if (a.exit_signal & ~uint64_t(clone_flag::Signal)) return fail(Errno::Invalid);
  if ((a.flags & (clone_flag::Thread | clone_flag::Parent)) && a.exit_signal) return fail(Errno::Invalid);
  if (a.set_tid || a.set_tid_size) return fail(Errno::Invalid);
  if (bool(a.stack) != bool(a.stack_size)) return fail(Errno::Invalid);
  if ((a.flags >> 32) & ~uint64_t(1)) return fail(Errno::Invalid);  // CLONE_INTO_CGROUP and what comes after it
  CloneRequest request;
  request.flags = a.flags;
  request.exit_signal = int(a.exit_signal);
  request.stack = a.stack ? a.stack + a.stack_size : 0;
  request.tls = a.tls;
  request.parent_tid = UserAddress(a.parent_tid);
  request.child_tid = UserAddress(a.child_tid);
  request.descriptor = UserAddress(a.pidfd);
  return uint64_t(TRY(clone_current(request)));
}

Result sys_unshare(uint64_t flags) {
  Process& process = current_process();
  if (flags & ~accepted::unshare_flags) return fail(Errno::Invalid);
  if (flags & clone_flag::Namespaces) return fail(Errno::Perm);
  if (!(flags & ~clone_flag::SemaphoreUndo)) return 0;
  // Descriptors and directories belong to a process here: its threads cannot part.
  if (process.thread_count > 1) return fail(Errno::Invalid);
  if ((flags & clone_flag::Files) && process.descriptors->references() > 1) process.descriptors = TRY(process.descriptors->clone());
  if ((flags & clone_flag::FileSystem) && process.file_context->references() > 1)
    process.file_context = TRY(process.file_context->clone());
  return 0;
}

// ---- execve ----

namespace {

Result execute_path(std::string_view path, Ref<Inode> inode, UserAddress argument_pointers, UserAddress environment_pointers, bool closed = false) {
  constexpr uint64_t Least = 131072, Most = 6u << 20;
  uint64_t stack = current_process().limit(Limits::Stack);
  size_t limit = std::clamp(stack / 4, Least, Most);
  ArgumentStrings arguments, environment;
  TRY(arguments.append_user(argument_pointers, limit));
  limit -= std::min(limit, arguments.bytes() + arguments.count() * sizeof(uint64_t));
  TRY(environment.append_user(environment_pointers, limit));
  // They lie on the new stack, of which a page is there whatever the limit says.
  size_t bytes = sizeof(uint64_t) + path.size() + 1 + arguments.bytes() + environment.bytes();
  if (bytes > PageSize && round_up(bytes, PageSize) > stack) return fail(Errno::TooBig);
  if (!arguments.count()) TRY(arguments.append(""));
  TRY(execute(std::move(inode), path, closed, arguments, environment));
  return 0;
}

}  // namespace

Result sys_execve(UserAddress path, UserAddress arguments, UserAddress environment) {
  PathName name;
  TRY(name.read(path));
  auto inode = TRY(open_executable(name.view()));
  return execute_path(name.view(), std::move(inode), arguments, environment);
}

Result sys_execveat(int directory, UserAddress path, UserAddress arguments, UserAddress environment, uint32_t flags) {
  if (flags & ~accepted::execveat_flags) return fail(Errno::Invalid);
  PathName name;
  TRY(name.read(path));
  std::string_view view = name.view();
  if (directory == AtWorkingDirectory || view.starts_with('/')) {
    auto inode = TRY(open_executable(view));
    return execute_path(view, std::move(inode), arguments, environment);
  }
  Ref<Inode> inode;
  if (view.empty()) {
    if (!(flags & at_flag::EmptyPath)) return fail(Errno::NoEntry);
    inode = TRY(current_descriptors().get(directory))->inode();
  } else {
    inode = TRY(resolve(TRY(base_directory(directory)), view, flags & at_flag::NoFollow ? LastLink::Keep : LastLink::Follow));
    if (inode->type() == file_mode::Link) return fail(Errno::LinkLoop);
  }
  if (!inode || inode->type() != file_mode::Regular) return fail(Errno::Access);
  TRY(check_access(*inode, AccessExecute, current_file_credentials()));
  const bool closed = TRY(current_descriptors().on_exec(directory)) == OnExec::Close;
  // What Linux shows of a program that is named from a descriptor on.
  constexpr size_t Capacity = MaxPath + 24;
  auto shown = static_cast<char*>(heap_allocate(Capacity, 1));
  if (!shown) return fail(Errno::NoMemory);
  Guard release([&] { heap_free(shown, Capacity, 1); });
  TextSpan text(shown, Capacity);
  text << "/dev/fd/" << directory;
  if (!view.empty()) text << '/' << view;
  return execute_path(text.view(), std::move(inode), arguments, environment, closed);
}

// ---- wait ----

Result sys_wait4(int pid, UserOut<int> status, uint32_t options, UserOut<ResourceUsage> usage) {
  using namespace wait_option;
  if (options & ~accepted::wait4_options) return fail(Errno::Invalid);
  if (pid == INT32_MIN) return fail(Errno::NoProcess);
  ChildSelector selector;
  if (pid > 0) selector = {ChildSelector::Pid, pid};
  else if (pid == 0) selector = {ChildSelector::Group, current_process().group};
  else if (pid < -1) selector = {ChildSelector::Group, -pid};
  ChildReport report;
  if (!TRY(wait_for_child(selector, options | Exited, report))) return 0;
  if (status) TRY(status.write(report.status));
  if (usage) TRY(usage.write(resource_usage(report.usage)));
  return uint64_t(report.pid);
}

Result sys_waitid(int which, int id, UserOut<RawSignalInfo> out, uint32_t options, UserOut<ResourceUsage> usage) {
  using namespace wait_option;
  if (options & ~accepted::waitid_options) return fail(Errno::Invalid);
  if (!(options & (wait_option::Stopped | Exited | Continued))) return fail(Errno::Invalid);
  ChildSelector selector;
  bool without_waiting = false;  // a descriptor with PIDFD_NONBLOCK
  switch (which) {
    case 0: break;
    case 1:
      if (id <= 0) return fail(Errno::Invalid);
      selector = {ChildSelector::Pid, id};
      break;
    case 2:
      if (id < 0) return fail(Errno::Invalid);
      selector = {ChildSelector::Group, id ? id : current_process().group};
      break;
    case 3: {  // P_PIDFD
      if (id < 0) return fail(Errno::Invalid);
      Ref<File> file = TRY(current_descriptors().get(id));
      if (!file->as_process()) return fail(Errno::BadDescriptor);
      auto process = file->as_process()->process();
      if (!process) return fail(Errno::NoChild);
      selector = {ChildSelector::Pid, (*process)->pid};
      without_waiting = file->nonblocking() && !(options & NoHang);
      if (without_waiting) options |= NoHang;
      break;
    }
    default: return fail(Errno::Invalid);
  }
  ChildReport report;
  bool found = TRY(wait_for_child(selector, options, report));
  if (!found && without_waiting) return fail(Errno::Again);
  if (found && usage) TRY(usage.write(resource_usage(report.usage)));
  if (out) {
    SignalInfo info;
    if (found) {
      info.number = sig::Child;
      info.code = report.code;
      info.child.pid = report.pid;
      info.child.uid = report.uid;
      info.child.status = report.code == sigcode::ChildExited ? report.status >> 8 & 0xff
                          : report.code == sigcode::ChildKilled ? report.status & 0x7f
                          : report.code == sigcode::ChildStopped ? report.status >> 8 : sig::Cont;
    }
    RawSignalInfo raw{};
    memcpy(&raw, &info, sizeof(info));
    TRY(out.write(raw));
  }
  return 0;
}

// ---- prctl ----

namespace {

namespace prctl_option {
constexpr int SetDeathSignal = 1, GetDeathSignal = 2, GetDumpable = 3, SetDumpable = 4, GetKeepCapabilities = 7, SetKeepCapabilities = 8,
              SetName = 15, GetName = 16, GetSeccomp = 21, ReadBounding = 23, DropBounding = 24, GetSecureBits = 27, SetSecureBits = 28,
              SetTimerSlack = 29, GetTimerSlack = 30, SetSubreaper = 36, GetSubreaper = 37, SetNoNewPrivileges = 38,
              GetNoNewPrivileges = 39, GetTidAddress = 40, SetHugePages = 41, GetHugePages = 42, ChangeAmbient = 47;
}

}  // namespace

Result sys_prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  Thread& thread = current_thread();
  Process& process = *thread.process;
  using namespace prctl_option;
  switch (option) {
    case SetDeathSignal:
      if (a > sig::Count) return fail(Errno::Invalid);
      thread.death_signal = uint32_t(a);
      return 0;
    case GetDeathSignal:
      TRY(UserOut<int>{UserAddress(a)}.write(int(thread.death_signal)));
      return 0;
    case GetDumpable: return thread.address_space->dumpable;
    case SetDumpable:
      if (a > 1) return fail(Errno::Invalid);
      thread.address_space->dumpable = a;
      return 0;
    case SetName: {
      char name[sizeof(thread.name)] = {};
      for (size_t i = 0; i + 1 < sizeof(name); ++i) {
        TRY(copy_from_user(&name[i], UserAddress(a + i), 1));
        if (!name[i]) break;
      }
      memcpy(thread.name, name, sizeof(name));
      if (process.leader == &thread) memcpy(process.name, name, sizeof(name));
      return 0;
    }
    case GetName:
      TRY(copy_to_user(UserAddress(a), thread.name, sizeof(thread.name)));
      return 0;
    case GetSeccomp: case GetHugePages:
      return 0;
    case GetKeepCapabilities: return bool(current_credentials().secure_bits & secure_bit::KeepCapabilities);
    case SetKeepCapabilities: return set_keep_capabilities(a);
    case ReadBounding: return read_bounding(a);
    case DropBounding: return drop_bounding(a);
    case GetSecureBits: return current_credentials().secure_bits;
    case SetSecureBits: return set_secure_bits(a);
    case ChangeAmbient: return change_ambient(a, b, c | d);
    case SetTimerSlack:
      thread.timer_slack = a ? a : 50000;
      return 0;
    case GetTimerSlack: return thread.timer_slack;
    case SetSubreaper:
      process.subreaper = a;
      return 0;
    case GetSubreaper:
      TRY(UserOut<int>{UserAddress(a)}.write(process.subreaper));
      return 0;
    case SetNoNewPrivileges:
      if (a != 1 || b || c || d) return fail(Errno::Invalid);
      TRY(changeable_credentials())->no_new_privileges = true;
      return 0;
    case GetNoNewPrivileges:
      if (a || b || c || d) return fail(Errno::Invalid);
      return current_credentials().no_new_privileges;
    case GetTidAddress:
      TRY(UserOut<uint64_t>{UserAddress(a)}.write(thread.clear_child_tid.value));
      return 0;
    case SetHugePages: return 0;  // there are none
    default: return fail(Errno::Invalid);
  }
}

Result sys_personality(uint32_t persona) {
  // Linux's own, with its addresses at random or not; asking is allowed.
  constexpr uint32_t FixedLayout = 0x0040000, Ask = 0xffffffff;
  Process& process = current_process();
  const uint32_t old = process.fixed_layout ? FixedLayout : 0;
  if (persona != Ask) {
    if (persona & ~FixedLayout) return fail(Errno::Invalid);
    process.fixed_layout = persona;
  }
  return old;
}

}  // namespace pl
