// SPDX-License-Identifier: BSD-2-Clause
// The system as a program sees it: its names, memory, randomness, and what it may not do.
#include <algorithm>
#include <cstring>

#include "arch/monitor.h"
#include "arch/tlb.h"
#include "arch/tlb.h"
#include "base/random.h"
#include "memory/frame_allocator.h"
#include "process/process.h"
#include "syscall/table.h"

namespace pl {

namespace {

char node_name[65] = "enclave";
char domain_name[65] = "(none)";

void copy_name(char (&to)[65], const char* from) {
  size_t n = std::min(strlen(from), sizeof(to) - 1);
  memcpy(to, from, n);
}

Result set_name(char (&to)[65], UserAddress name, size_t bytes) {
  if (!current_credentials().has(Capability::Administration)) return fail(Errno::Perm);
  if (bytes > sizeof(to) - 1) return fail(Errno::Invalid);
  char copy[65] = {};
  TRY(copy_from_user(copy, name, bytes));
  memcpy(to, copy, sizeof(to));
  return 0;
}

}  // namespace

Result sys_uname(UserOut<SystemNames> out) {
  SystemNames names{};
  copy_name(names.system, "Linux");
  copy_name(names.node, node_name);
  // The release whose interface this is; programs compare it.
  copy_name(names.release, "6.1.0-penglai");
  copy_name(names.version, "#1 SMP Penglai");
  copy_name(names.machine, "riscv64");
  copy_name(names.domain, domain_name);
  TRY(out.write(names));
  return 0;
}

Result sys_sethostname(UserAddress name, size_t bytes) { return set_name(node_name, name, bytes); }
Result sys_setdomainname(UserAddress name, size_t bytes) { return set_name(domain_name, name, bytes); }

Result sys_sysinfo(UserOut<SystemInformation> out) {
  SystemInformation info{};
  info.uptime = int64_t(monotonic_ns() / NanosecondsPerSecond);
  auto totals = frames::totals();
  info.total_ram = totals.all();
  info.free_ram = totals.available();
  uint64_t count = 0;
  for_each_process([&](Process& p) {
    count += p.thread_count;
    return true;
  });
  info.processes = uint16_t(std::min<uint64_t>(count, 0xffff));
  info.unit = 1;
  TRY(out.write(info));
  return 0;
}

Result sys_getrandom(UserAddress buffer, size_t bytes, uint32_t flags) {
  constexpr uint32_t Random = 2, Insecure = 4;
  if (flags & ~accepted::getrandom_flags) return fail(Errno::Invalid);
  if ((flags & (Random | Insecure)) == (Random | Insecure)) return fail(Errno::Invalid);
  bytes = std::min<size_t>(bytes, INT32_MAX);
  uint8_t block[256];
  size_t done = 0;
  while (done < bytes) {
    size_t n = std::min(bytes - done, sizeof(block));
    random::fill(block, n);
    auto copied = copy_to_user(buffer + done, block, n);
    if (!copied) {
      random::wipe(block, sizeof(block));
      if (done) return done;
      return fail(copied.error());
    }
    done += n;
  }
  random::wipe(block, sizeof(block));
  return done;
}

Result sys_riscv_flush_icache(UserAddress, UserAddress, uint64_t flags) {
  if (flags & ~accepted::riscv_flush_icache_flags) return fail(Errno::Invalid);
  flush_instructions();
  return 0;
}

// Programs cope with both missing (riscv_hwprobe came with 6.4, and registering a sequence is a choice).
Result sys_riscv_hwprobe() { return fail(Errno::NoSystemCall); }
Result sys_rseq() { return fail(Errno::NoSystemCall); }

// All threads of an instance run on one hart: what another thread sees is in order already (membarrier(2)).
Result sys_membarrier(int command, uint32_t flags, int) {
  constexpr int Query = 0, Global = 1, GlobalExpedited = 2, RegisterGlobal = 4, PrivateExpedited = 8, RegisterPrivate = 16,
                PrivateSyncCore = 32, RegisterPrivateSyncCore = 64;
  constexpr int All = Global | GlobalExpedited | RegisterGlobal | PrivateExpedited | RegisterPrivate | PrivateSyncCore | RegisterPrivateSyncCore;
  if (flags) return fail(Errno::Invalid);
  if (command == Query) return All;
  if (command < 0 || (command & (command - 1)) || !(command & All)) return fail(Errno::Invalid);
  if (command == PrivateSyncCore) flush_instructions();
  return 0;
}

Result sys_reboot(uint32_t, uint32_t, uint32_t, UserAddress) { return fail(Errno::Perm); }
Result sys_syslog(int, UserAddress, int) { return fail(Errno::Perm); }

}  // namespace pl
