// SPDX-License-Identifier: BSD-2-Clause
// Who a process is (groups, sessions), and who a thread: ids, which on Linux as here are each thread's own; libcs change those of all.
#include "process/process.h"
#include "syscall/table.h"

namespace pl {

namespace {

constexpr uint32_t Keep = ~0u;  // (uid_t)-1 leaves an id as it is

Credentials& own() { return current_credentials(); }

// The caller's ids have changed from what `old` says.
Result changed(const Ids& old) {
  own().user_changed(old);
  credentials_changed(old);
  return 0;
}

ErrorOr<Process*> process_or_self(int pid) {
  if (pid < 0) return fail(Errno::NoProcess);
  Process* process = pid ? find_process(pid) : &current_process();
  if (!process) return fail(Errno::NoProcess);
  return process;
}

}  // namespace

Result sys_getpid() { return uint64_t(current_process().pid); }

Result sys_getppid() {
  const Process& process = current_process();
  if (process.parent) [[likely]] return uint64_t(process.parent->pid);
  return AdopterPid;
}

Result sys_gettid() { return uint64_t(current_thread().tid); }

// ---- groups and sessions ----

Result sys_setpgid(int pid, int group) {
  Process& me = current_process();
  Process& process = *TRY(process_or_self(pid));
  if (group < 0) return fail(Errno::Invalid);
  if (&process != &me) {
    if (process.parent != &me || process.state == ProcessState::Zombie) return fail(Errno::NoProcess);
    if (process.session != me.session) return fail(Errno::Perm);
    if (process.executed) return fail(Errno::Access);
  }
  if (process.session == process.pid) return fail(Errno::Perm);
  if (!group) group = process.pid;
  if (group != process.pid) {
    bool exists = false;
    for_each_process([&](Process& p) {
      exists |= p.group == group && p.session == me.session;
      return !exists;
    });
    if (!exists) return fail(Errno::Perm);
  }
  process.group = group;
  return 0;
}

Result sys_getpgid(int pid) { return uint64_t(TRY(process_or_self(pid))->group); }
Result sys_getsid(int pid) { return uint64_t(TRY(process_or_self(pid))->session); }

Result sys_setsid() {
  Process& me = current_process();
  bool taken = false;  // EPERM for a group leader (setsid(2))
  for_each_process([&](Process& p) {
    taken |= p.group == me.pid;
    return !taken;
  });
  if (taken) return fail(Errno::Perm);
  me.session = me.group = me.pid;
  return uint64_t(me.pid);
}

// ---- credentials (credentials(7), setresuid(2)) ----

Result sys_getuid() { return own().uid; }
Result sys_geteuid() { return own().euid; }
Result sys_getgid() { return own().gid; }
Result sys_getegid() { return own().egid; }

Result sys_setuid(uint32_t uid) {
  Credentials& c = *TRY(changeable_credentials());
  if (uid == Keep) return fail(Errno::Invalid);
  const Ids old = c;
  if (c.has(Capability::SetUid)) c.uid = c.suid = uid;
  else if (uid != c.uid && uid != c.suid) return fail(Errno::Perm);
  c.euid = c.fsuid = uid;
  return changed(old);
}

Result sys_setgid(uint32_t gid) {
  Credentials& c = *TRY(changeable_credentials());
  if (gid == Keep) return fail(Errno::Invalid);
  const Ids old = c;
  if (c.has(Capability::SetGid)) c.gid = c.sgid = gid;
  else if (gid != c.gid && gid != c.sgid) return fail(Errno::Perm);
  c.egid = c.fsgid = gid;
  return changed(old);
}

Result sys_setreuid(uint32_t real, uint32_t effective) {
  Credentials& c = *TRY(changeable_credentials());
  const Ids old = c;
  if (!c.has(Capability::SetUid)) {
    if (real != Keep && real != c.uid && real != c.euid) return fail(Errno::Perm);
    if (effective != Keep && effective != c.uid && effective != c.euid && effective != c.suid) return fail(Errno::Perm);
  }
  if (real != Keep) c.uid = real;
  if (effective != Keep) c.euid = effective;
  if (real != Keep || (effective != Keep && effective != old.uid)) c.suid = c.euid;
  c.fsuid = c.euid;
  return changed(old);
}

Result sys_setregid(uint32_t real, uint32_t effective) {
  Credentials& c = *TRY(changeable_credentials());
  const Ids old = c;
  if (!c.has(Capability::SetGid)) {
    if (real != Keep && real != c.gid && real != c.egid) return fail(Errno::Perm);
    if (effective != Keep && effective != c.gid && effective != c.egid && effective != c.sgid) return fail(Errno::Perm);
  }
  if (real != Keep) c.gid = real;
  if (effective != Keep) c.egid = effective;
  if (real != Keep || (effective != Keep && effective != old.gid)) c.sgid = c.egid;
  c.fsgid = c.egid;
  return changed(old);
}

Result sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved) {
  Credentials& c = *TRY(changeable_credentials());
  auto allowed = [&](uint32_t id) { return id == Keep || c.has(Capability::SetUid) || id == c.uid || id == c.euid || id == c.suid; };
  if (!allowed(real) || !allowed(effective) || !allowed(saved)) return fail(Errno::Perm);
  const Ids old = c;
  if (real != Keep) c.uid = real;
  if (effective != Keep) c.euid = effective;
  if (saved != Keep) c.suid = saved;
  c.fsuid = c.euid;
  return changed(old);
}

Result sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved) {
  Credentials& c = *TRY(changeable_credentials());
  auto allowed = [&](uint32_t id) { return id == Keep || c.has(Capability::SetGid) || id == c.gid || id == c.egid || id == c.sgid; };
  if (!allowed(real) || !allowed(effective) || !allowed(saved)) return fail(Errno::Perm);
  const Ids old = c;
  if (real != Keep) c.gid = real;
  if (effective != Keep) c.egid = effective;
  if (saved != Keep) c.sgid = saved;
  c.fsgid = c.egid;
  return changed(old);
}

Result sys_getresuid(UserOut<uint32_t> real, UserOut<uint32_t> effective, UserOut<uint32_t> saved) {
  TRY(real.write(own().uid));
  TRY(effective.write(own().euid));
  TRY(saved.write(own().suid));
  return 0;
}

Result sys_getresgid(UserOut<uint32_t> real, UserOut<uint32_t> effective, UserOut<uint32_t> saved) {
  TRY(real.write(own().gid));
  TRY(effective.write(own().egid));
  TRY(saved.write(own().sgid));
  return 0;
}

// Return the old id, also on failure (setfsuid(2)).
Result sys_setfsuid(uint32_t uid) {
  Credentials& c = *TRY(changeable_credentials());
  const Ids old = c;
  if (uid != Keep && (c.has(Capability::SetUid) || uid == c.uid || uid == c.euid || uid == c.suid || uid == c.fsuid)) {
    c.fsuid = uid;
    c.file_user_changed(old.fsuid);
    credentials_changed(old);
  }
  return old.fsuid;
}

Result sys_setfsgid(uint32_t gid) {
  Credentials& c = *TRY(changeable_credentials());
  const Ids old = c;
  if (gid != Keep && (c.has(Capability::SetGid) || gid == c.gid || gid == c.egid || gid == c.sgid || gid == c.fsgid)) {
    c.fsgid = gid;
    credentials_changed(old);
  }
  return old.fsgid;
}

Result sys_getgroups(int count, UserOut<uint32_t> groups) {
  const Credentials& c = own();
  if (count < 0) return fail(Errno::Invalid);
  if (count) {
    if (uint32_t(count) < c.group_count) return fail(Errno::Invalid);
    TRY(copy_to_user(groups.address, c.groups, c.group_count * sizeof(uint32_t)));
  }
  return c.group_count;
}

Result sys_setgroups(int count, UserIn<uint32_t> groups) {
  Credentials& c = *TRY(changeable_credentials());
  if (!c.has(Capability::SetGid)) return fail(Errno::Perm);
  if (count < 0 || size_t(count) > Credentials::MaxGroups) return fail(Errno::Invalid);
  uint32_t copy[Credentials::MaxGroups];
  TRY(copy_from_user(copy, groups.address, size_t(count) * sizeof(uint32_t)));
  for (int i = 0; i < count; ++i) c.groups[i] = copy[i];
  c.group_count = uint32_t(count);
  return 0;
}

}  // namespace pl
