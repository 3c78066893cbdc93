// SPDX-License-Identifier: BSD-2-Clause
// Descriptors of processes (pidfd_open(2)).
#include "process/process_file.h"

#include <cstring>

#include "fs/abi.h"
#include "process/send.h"
#include "syscall/table.h"

namespace pl {

namespace {

ErrorOr<Process*> process_behind(int descriptor) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (!file->as_process()) return fail(Errno::BadDescriptor);
  return file->as_process()->process();
}

}  // namespace

Result sys_pidfd_open(int pid, uint32_t flags) {
  if (flags & ~accepted::pidfd_open_flags || pid <= 0) return fail(Errno::Invalid);
  Process* process = find_process(pid);
  if (!process) return fail(find_thread(pid) ? Errno::Invalid : Errno::NoProcess);  // of a whole process only
  Ref<File> file = TRY(ProcessFile::create(*process, flags));
  return uint64_t(TRY(current_descriptors().install(std::move(file), OnExec::Close)));
}

Result sys_pidfd_send_signal(int descriptor, int number, UserIn<RawSignalInfo> in, uint32_t flags) {
  if (flags & ~accepted::pidfd_send_signal_flags) return fail(Errno::Invalid);
  Process* process = TRY(process_behind(descriptor));
  const Process& me = current_process();
  SignalInfo info;
  info.code = sigcode::User;
  info.sender = {me.pid, current_credentials().uid, 0};
  if (in) {
    auto raw = TRY(in.read());
    std::memcpy(&info, &raw, sizeof(info));
    if (info.number != number) return fail(Errno::Invalid);
    if ((info.code >= 0 || info.code == sigcode::Tkill) && process != &me) return fail(Errno::Perm);
  }
  if (number < 0 || number > sig::Count) return fail(Errno::Invalid);
  info.number = number;
  if (!may_signal(*process, process->credentials, number)) return fail(Errno::Perm);
  if (number) TRY(send_signal(*process, info));
  return 0;
}

// Whoever may trace a process may have what it has open.
Result sys_pidfd_getfd(int descriptor, int target, uint32_t flags) {
  if (flags & ~accepted::pidfd_getfd_flags) return fail(Errno::Invalid);
  Process* process = TRY(process_behind(descriptor));
  const Credentials &own = current_credentials(), &other = process->credentials;
  bool same = own.euid == other.uid && own.euid == other.euid && own.euid == other.suid && process->is_dumpable();
  if (!own.has(Capability::Trace) && !same) return fail(Errno::Perm);
  if (!process->descriptors) return fail(Errno::NoProcess);  // it has ended
  Ref<File> file = TRY(process->descriptors->get(target));
  return uint64_t(TRY(current_descriptors().install(std::move(file), OnExec::Close)));
}

}  // namespace pl
