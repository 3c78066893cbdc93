// SPDX-License-Identifier: BSD-2-Clause
// Resource limits and what has been used.
#include "process/process.h"
#include "process/scheduler.h"
#include "syscall/table.h"
#include "syscall/usage.h"

namespace pl {

ResourceUsage resource_usage(const Process::Usage& usage) {
  ResourceUsage r{};
  uint64_t user = usage.cpu_ticks > usage.system_ticks ? usage.cpu_ticks - usage.system_ticks : 0;
  r.user = to_timevalue(tick_rate().to_nanoseconds(user));
  r.system = to_timevalue(tick_rate().to_nanoseconds(usage.system_ticks));
  r.max_resident_kib = int64_t(usage.most_resident * (PageSize / 1024));
  r.minor_faults = int64_t(usage.minor_faults);
  r.voluntary = int64_t(usage.voluntary);
  r.involuntary = int64_t(usage.involuntary);
  return r;
}

Result sys_getrusage(int who, UserOut<ResourceUsage> out) {
  Process& process = current_process();
  ResourceUsage usage;
  switch (who) {
    case 0:
      usage = resource_usage(process.usage());
      break;
    case -1: usage = resource_usage(process.waited); break;
    case 1: {
      Process::Usage own;
      own.cpu_ticks = cpu_ticks(current_thread());
      own.minor_faults = current_thread().minor_faults;
      own.most_resident = process.usage().most_resident;
      usage = resource_usage(own);
      break;
    }
    default: return fail(Errno::Invalid);
  }
  TRY(out.write(usage));
  return 0;
}

Result sys_times(UserOut<Times> out) {
  constexpr uint64_t NanosecondsPerClock = 10'000'000;  // 1/100 s (times(2), sysconf(_SC_CLK_TCK))
  auto clocks = [](uint64_t ticks) { return int64_t(tick_rate().to_nanoseconds(ticks) / NanosecondsPerClock); };
  if (out) {
    Process& process = current_process();
    auto own = process.usage();
    const auto& waited = process.waited;
    TRY(out.write({clocks(own.cpu_ticks - own.system_ticks), clocks(own.system_ticks), clocks(waited.cpu_ticks - waited.system_ticks),
                   clocks(waited.system_ticks)}));
  }
  return monotonic_ns() / NanosecondsPerClock;
}

namespace {

ErrorOr<void> set_limit(Process& process, uint32_t resource, Limit limit) {
  if (limit.current > limit.maximum) return fail(Errno::Invalid);
  Limit& old = process.limits.of[resource];
  if (limit.maximum > old.maximum && !current_credentials().has(Capability::Resource)) return fail(Errno::Perm);
  if (resource == Limits::Descriptors) {
    if (limit.maximum > Descriptors::Maximum) return fail(Errno::Perm);
    process.descriptors->set_limit(unsigned(limit.current));
  }
  old = limit;
  if (resource == Limits::CpuTime) update_cpu_use(process);
  return {};
}

}  // namespace

Result sys_prlimit64(int pid, uint32_t resource, UserIn<Limit> in, UserOut<Limit> out) {
  if (resource >= Limits::Count) return fail(Errno::Invalid);
  Process* process = pid ? find_process(pid) : &current_process();
  if (!process || process->state == ProcessState::Zombie) return fail(Errno::NoProcess);
  const Credentials &own = current_credentials(), &other = process->credentials;
  if (process != &current_process() && !own.has(Capability::Resource) &&
      (own.uid != other.uid || own.uid != other.euid || own.uid != other.suid || own.gid != other.gid))
    return fail(Errno::Perm);
  Limit old = process->limits.of[resource];
  if (in) TRY(set_limit(*process, resource, TRY(in.read())));
  if (out) TRY(out.write(old));
  return 0;
}

Result sys_getrlimit(uint32_t resource, UserOut<Limit> out) { return sys_prlimit64(0, resource, {}, {out}); }
Result sys_setrlimit(uint32_t resource, UserIn<Limit> in) {
  if (!in) return fail(Errno::Fault);
  return sys_prlimit64(0, resource, in, {});
}

}  // namespace pl
