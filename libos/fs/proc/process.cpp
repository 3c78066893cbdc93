// SPDX-License-Identifier: BSD-2-Clause
// What /proc tells about a process (proc(5)).
#include "process/process.h"

#include <algorithm>
#include <cstring>

#include "fs/mount.h"
#include "fs/path.h"
#include "fs/proc/node.h"
#include "fs/terminal/terminal.h"
#include "memory/address_space.h"
#include "memory/frame.h"
#include "time/clock.h"

namespace pl::proc {

namespace {

char state_letter(Process& p) {
  if (p.state == ProcessState::Zombie) return 'Z';
  if (p.state == ProcessState::Stopped) return 'T';
  for (Thread& t : p.threads)
    if (t.state == ThreadState::Runnable) return 'R';
  return 'S';
}

std::string_view state_name(char letter) {
  switch (letter) {
    case 'Z': return "Z (zombie)";
    case 'T': return "T (stopped)";
    case 'R': return "R (running)";
    default: return "S (sleeping)";
  }
}

std::string_view name_of(const Process& p, const Thread* task) {
  const char* name = task ? task->name : p.name;
  return {name, size_t(std::find(name, name + sizeof p.name, 0) - name)};
}
int number_of(const Process& p, const Thread* task) { return task ? task->tid : p.pid; }
int parent_of(const Process& p) { return p.parent ? p.parent->pid : AdopterPid; }
uint64_t clock_ticks(uint64_t ticks) { return tick_rate().to_nanoseconds(ticks) / (NanosecondsPerSecond / 100); }
AddressSpace::Totals totals_of(Process& p) { return p.address_space ? p.address_space->totals() : AddressSpace::Totals{}; }

void stat(Text& t, Process& p, Thread* task) {
  Process::Usage used = p.usage();
  auto memory = totals_of(p);
  char letter[2] = {state_letter(p), 0};
  const Terminal* terminal = terminal_of_session(p.session);
  const Thread* one = task ? task : p.leader;
  const int nice = one ? one->nice : 0, real_time = one ? one->priority : 0;
  t << number_of(p, task) << " (" << name_of(p, task) << ") " << std::string_view(letter, 1) << " " << parent_of(p) << " " << p.group << " " << p.session
    << " " << (terminal ? terminal->device() : 0) << " " << (terminal ? terminal->foreground : -1) << " 4194304 " << used.minor_faults << " " << p.waited.minor_faults << " 0 0 " << clock_ticks(used.cpu_ticks - used.system_ticks) << " "
    << clock_ticks(used.system_ticks) << " " << clock_ticks(p.waited.cpu_ticks - p.waited.system_ticks) << " " << clock_ticks(p.waited.system_ticks)
    << " " << (real_time ? -1 - real_time : 20 + nice) << " " << nice << " " << p.thread_count << " 0 " << clock_ticks(p.started_at) << " "
    << memory.mapped_pages * PageSize << " " << memory.resident_pages << " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 " << int(p.exit_signal)
    << " 0 " << real_time << " " << (one ? one->policy : 0) << " 0 0 0 0 0 0 " << p.arguments_start.value << " " << p.arguments_end.value << " " << p.environment_start.value << " "
    << p.environment_end.value << " " << (p.state == ProcessState::Zombie ? p.exit_status : 0) << "\n";
}

void statm(Text& t, Process& p, Thread*) {
  auto memory = totals_of(p);
  t << uint64_t(memory.mapped_pages) << " " << uint64_t(memory.resident_pages) << " 0 0 0 " << uint64_t(memory.resident_pages) << " 0\n";
}

void signal_line(Text& t, std::string_view name, SignalSet set) {
  t << name << ":\t";
  t.hex(set.bits, 16) << "\n";
}

void status(Text& t, Process& p, Thread* task) {
  const Credentials& c = task ? *task->credentials : p.credentials;
  auto memory = totals_of(p);
  t.field("Name", name_of(p, task));
  t << "Umask:\t";
  t.number(p.file_context ? p.file_context->umask : 0, 8, 4) << "\n";
  t.field("State", state_name(state_letter(p))).field("Tgid", p.pid).field("Ngid", 0).field("Pid", number_of(p, task)).field("PPid", parent_of(p)).field("TracerPid", 0);
  t << "Uid:\t" << c.uid << "\t" << c.euid << "\t" << c.suid << "\t" << c.fsuid << "\n";
  t << "Gid:\t" << c.gid << "\t" << c.egid << "\t" << c.sgid << "\t" << c.fsgid << "\n";
  t << "FDSize:\t64\nGroups:\t";
  for (uint32_t i = 0; i < c.group_count; i++) t << c.groups[i] << " ";
  t << "\nNStgid:\t" << p.pid << "\nNSpid:\t" << p.pid << "\nNSpgid:\t" << p.group << "\nNSsid:\t" << p.session << "\n";
  auto size = [&](std::string_view name, uint64_t pages) {
    t << name << ":\t";
    t.number(pages * (PageSize / 1024), 10, 8, ' ') << " kB\n";
  };
  if (p.state != ProcessState::Zombie) {
    size("VmPeak", memory.mapped_pages);
    size("VmSize", memory.mapped_pages);
    size("VmLck", 0);
    size("VmHWM", p.address_space->peak_resident());
    size("VmRSS", memory.resident_pages);
    struct Kinds { uint64_t stack = 0, code = 0; } kinds;
    p.address_space->for_each([](void* context, const AddressSpace::MappingView& m) {
      auto& k = *static_cast<Kinds*>(context);
      uint64_t pages = (m.end - m.start) / PageSize;
      if (m.name && std::string_view(m.name) == "[stack]") k.stack += pages;
      else if (m.protection & ProtectionExecute) k.code += pages;
      return true;
    }, &kinds);
    size("VmData", p.address_space->data_bytes() / PageSize);
    size("VmStk", kinds.stack);
    size("VmExe", kinds.code);
    size("VmSwap", 0);
  }
  t.field("Threads", p.thread_count);
  t << "SigQ:\t0/1024\n";
  signal_line(t, "SigPnd", p.leader ? p.leader->pending.set() : SignalSet{});
  signal_line(t, "ShdPnd", p.pending.set());
  signal_line(t, "SigBlk", p.leader ? p.leader->blocked : SignalSet{});
  SignalSet ignored{}, caught{};
  for (int n = 1; p.actions && n <= sig::Count; n++) {
    const SignalAction& a = (*p.actions)[n];
    if (a.handler == SignalAction::Ignore) ignored.add(n);
    else if (a.handler != SignalAction::Default) caught.add(n);
  }
  signal_line(t, "SigIgn", ignored);
  signal_line(t, "SigCgt", caught);
  auto capabilities = [&](std::string_view name, CapabilitySet set) { signal_line(t, name, {set.bits}); };
  capabilities("CapInh", c.inheritable);
  capabilities("CapPrm", c.permitted);
  capabilities("CapEff", c.effective);
  capabilities("CapBnd", c.bounding);
  capabilities("CapAmb", c.ambient);
  t.field("NoNewPrivs", int(c.no_new_privileges)).field("Seccomp", 0);
  t << "Cpus_allowed:\t1\nCpus_allowed_list:\t0\nMems_allowed:\t1\nMems_allowed_list:\t0\n";
  Process::Usage used = p.usage();
  t.field("voluntary_ctxt_switches", used.voluntary).field("nonvoluntary_ctxt_switches", used.involuntary);
}

// Pages that are there are copied, straight from their frames: another process's memory is looked at, not faulted in.
void copy_memory(Text& t, Process& p, UserAddress start, UserAddress end) {
  if (!p.address_space || p.state == ProcessState::Zombie) return;
  for (UserAddress at = start; at < end;) {
    size_t n = std::min<uint64_t>(PageSize - at.page_offset(), uint64_t(end - at));
    auto place = p.address_space->translate(UserAddress(at.value & ~uint64_t(7)), FaultAccess::Read);
    if (!place) return;
    PhysicalAddress frame = place->page();
    t.append({static_cast<const char*>(frame_pointer(frame)) + at.page_offset(), n});
    at += n;
  }
}

void cmdline(Text& t, Process& p, Thread*) { copy_memory(t, p, p.arguments_start, p.arguments_end); }
void environ(Text& t, Process& p, Thread*) { copy_memory(t, p, p.environment_start, p.environment_end); }
void auxv(Text& t, Process& p, Thread*) { copy_memory(t, p, p.auxiliary, p.auxiliary_end); }
void comm(Text& t, Process& p, Thread* task) { t << name_of(p, task) << "\n"; }

ErrorOr<void> set_comm(std::string_view text, Process& p, Thread* task) {
  if (&p != &current_process()) return fail(Errno::Invalid);  // proc(5): of one's own threads
  Thread* thread = task ? task : p.leader;
  if (!thread) return fail(Errno::NoProcess);
  if (text.ends_with('\n')) text.remove_suffix(1);
  char name[sizeof thread->name] = {};
  text.copy(name, sizeof name - 1);
  std::memcpy(thread->name, name, sizeof name);
  if (thread == p.leader) std::memcpy(p.name, name, sizeof name);
  return {};
}

void oom_score_adj(Text& t, Process& p, Thread*) { t << int(p.oom_score_adjustment) << "\n"; }

// Remembered: memory that runs out ends the instance, whose processes are never weighed against each other.
ErrorOr<void> set_oom_score_adj(std::string_view text, Process& p, Thread*) {
  constexpr int Most = 1000;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return fail(Errno::Invalid);
  int value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return fail(Errno::Invalid);
    value = value * 10 + (c - '0');
    if (value > Most) return fail(Errno::Invalid);
  }
  if (negative) value = -value;
  const bool may_lower = current_file_credentials().has(Capability::Resource);
  if (value < p.oom_score_least && !may_lower) return fail(Errno::Access);
  p.oom_score_adjustment = int16_t(value);
  if (may_lower) p.oom_score_least = int16_t(value);
  return {};
}

void maps(Text& t, Process& p, Thread*) {
  if (!p.address_space || p.state == ProcessState::Zombie) return;
  p.address_space->for_each([](void* context, const AddressSpace::MappingView& m) {
    Text& t = *static_cast<Text*>(context);
    size_t line = t.length();
    t.hex(m.start.value, 8) << "-";
    t.hex(m.end.value, 8);
    t << (m.protection & ProtectionRead ? " r" : " -") << (m.protection & ProtectionWrite ? "w" : "-") << (m.protection & ProtectionExecute ? "x" : "-")
      << (m.sharing == Sharing::Shared ? "s " : "p ");
    t.hex(m.offset, 8);
    uint64_t number = 0, device = 0;
    if (m.inode)
      if (auto a = m.inode->attributes()) number = a->inode, device = a->device;
    t << " ";
    t.hex(device_major(device), 2) << ":";
    t.hex(device_minor(device), 2) << " " << number << " ";
    char path[512];
    std::string_view text = m.name ? std::string_view(m.name) : std::string_view();
    if (m.inode && !m.name) {
      auto n = shown_path_of(*m.inode, current_file_context().root, path, sizeof path);
      text = n ? std::string_view(path, *n) : "(deleted)";
    }
    if (!text.empty()) {
      while (t.length() - line < 73) t << " ";
      t << text;
    }
    t << "\n";
    return true;
  }, &t);
}

void limits(Text& t, Process& p, Thread*) {
  static constexpr struct { std::string_view name, unit; } Rows[Limits::Count] = {
      {"Max cpu time", "seconds"}, {"Max file size", "bytes"}, {"Max data size", "bytes"}, {"Max stack size", "bytes"}, {"Max core file size", "bytes"},
      {"Max resident set", "bytes"}, {"Max processes", "processes"}, {"Max open files", "files"}, {"Max locked memory", "bytes"},
      {"Max address space", "bytes"}, {"Max file locks", "locks"}, {"Max pending signals", "signals"}, {"Max msgqueue size", "bytes"},
      {"Max nice priority", ""}, {"Max realtime priority", ""}, {"Max realtime timeout", "us"}};
  auto column = [&](std::string_view text, size_t width) {
    t << text;
    for (size_t n = text.size(); n < width; n++) t << " ";
  };
  auto value = [&](uint64_t v) {
    char digits[24];
    TextSpan s(digits, sizeof digits);
    if (v == Limit::Infinity) s << "unlimited";
    else s << v;
    column(s.view(), 21);
  };
  column("Limit", 26);
  column("Soft Limit", 21);
  column("Hard Limit", 21);
  t << "Units     \n";
  for (unsigned i = 0; i < Limits::Count; i++) {
    column(Rows[i].name, 26);
    value(p.limits.of[i].current);
    value(p.limits.of[i].maximum);
    column(Rows[i].unit, 10);
    t << "\n";
  }
}

void mounts(Text& t, Process&, Thread*) {
  for (unsigned i = 0; i < system_node_count; i++)
    if (system_nodes[i].parent == 0 && system_nodes[i].name == "mounts") system_nodes[i].write(t);
}

void mountinfo(Text& t, Process&, Thread*) {
  for (unsigned i = 0; const Mount* m = fs::mount_at(i); i++) {
    char path[512];
    size_t n = 1;
    path[0] = '/';
    if (m->covered) {
      auto length = path_of(*m->covered, fs::root(), path, sizeof path);
      if (!length) continue;
      n = *length;
    }
    auto root = m->root->attributes();
    uint64_t device = root ? root->device : 0;  // as stat(2) has it: who asks compares
    t << 20 + i << " " << (i ? 20u : 1u) << " " << device_major(device) << ":" << device_minor(device) << " / " << std::string_view(path, n) << (m->flags & PL_MOUNT_READ_ONLY ? " ro" : " rw")
      << (m->root->honours_set_id() ? "" : ",nosuid") << " - " << std::string_view(m->type) << " " << std::string_view(m->source) << (m->flags & PL_MOUNT_READ_ONLY ? " ro\n" : " rw\n");
  }
}

void zero(Text& t, Process&, Thread*) { t << "0\n"; }
void wchan(Text& t, Process&, Thread*) { t << "0"; }
void cgroup(Text& t, Process&, Thread*) { t << "0::/\n"; }

}  // namespace

const ProcessNode process_nodes[] = {
    {"stat", 0444, stat},       {"statm", 0444, statm},   {"status", 0444, status},       {"cmdline", 0444, cmdline},
    {"comm", 0644, comm, false, set_comm}, {"maps", 0444, maps, true}, {"environ", 0400, environ, true}, {"auxv", 0400, auxv, true},
    {"limits", 0444, limits},   {"mounts", 0444, mounts}, {"mountinfo", 0444, mountinfo}, {"oom_score", 0444, zero},
    {"oom_score_adj", 0644, oom_score_adj, false, set_oom_score_adj}, {"wchan", 0444, wchan}, {"cgroup", 0444, cgroup},
};
const unsigned process_node_count = sizeof process_nodes / sizeof process_nodes[0];

}  // namespace pl::proc
