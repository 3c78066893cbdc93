// SPDX-License-Identifier: BSD-2-Clause
// What /proc tells about the system.
#include "arch/monitor.h"
#include "base/random.h"
#include "fs/descriptors.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "fs/proc/network.h"
#include "fs/proc/node.h"
#include "fs/shadow_device.h"
#include "memory/frame_allocator.h"
#include "ocall/ring.h"
#include "process/process.h"
#include "syscall/table.h"
#include "time/clock.h"

namespace pl::proc {

namespace {

void meminfo(Text& t) {
  auto totals = frames::totals();
  uint64_t total = totals.all(), free = totals.available(), used = total - free;
  auto line = [&](std::string_view name, uint64_t bytes) {
    t << name << ":";
    char digits[24];
    size_t n = TextSpan(digits, sizeof digits).number(bytes / 1024).length();
    for (size_t width = name.size() + 1 + n; width < 24; width++) t << " ";
    t << bytes / 1024 << " kB\n";
  };
  line("MemTotal", total);
  line("MemFree", free);
  line("MemAvailable", free);
  line("Buffers", 0);
  line("Cached", 0);
  line("SwapCached", 0);
  line("Active", used);
  line("Inactive", 0);
  line("SwapTotal", 0);
  line("SwapFree", 0);
  line("Shmem", 0);
  line("CommitLimit", total);
  line("Committed_AS", used);
}

void cpuinfo(Text& t) {
  for (uint64_t i = 0; i < boot_parameters().contexts; i++)
    t << "processor\t: " << i << "\nhart\t\t: " << i << "\nisa\t\t: rv64imafdc_zicsr_zifencei\nmmu\t\t: sv39\n\n";
}

void mounts(Text& t) {
  for (unsigned i = 0; const Mount* m = fs::mount_at(i); i++) {
    char path[512];
    size_t n = 1;
    path[0] = '/';
    if (m->covered) {
      auto length = path_of(*m->covered, fs::root(), path, sizeof path);
      if (!length) continue;
      n = *length;
    }
    t << std::string_view(m->source) << " " << std::string_view(path, n) << " " << std::string_view(m->type)
      << (m->flags & PL_MOUNT_READ_ONLY ? " ro" : " rw") << (m->root->honours_set_id() ? " 0 0\n" : ",nosuid 0 0\n");
  }
}

uint64_t clock_ticks(uint64_t ticks) { return tick_rate().to_nanoseconds(ticks) / (NanosecondsPerSecond / 100); }

void stat(Text& t) {
  uint64_t user = 0, system = 0, count = 0;
  for_each_process([&](Process& p) {
    Process::Usage u = p.usage();
    user += u.cpu_ticks - u.system_ticks;
    system += u.system_ticks;
    ++count;
    return true;
  });
  uint64_t up = monotonic_ns() / (NanosecondsPerSecond / 100), busy = clock_ticks(user + system);
  for (int line = 0; line < 2; line++)
    t << (line ? "cpu0 " : "cpu  ") << clock_ticks(user) << " 0 " << clock_ticks(system) << " " << (up > busy ? up - busy : 0) << " 0 0 0 0 0 0\n";
  t << "intr 0\nctxt 0\nbtime " << (realtime_ns() - boottime_ns()) / NanosecondsPerSecond << "\nprocesses " << count
    << "\nprocs_running 1\nprocs_blocked 0\n";
}

void uptime(Text& t) {
  uint64_t hundredths = boottime_ns() / (NanosecondsPerSecond / 100);
  for (int i = 0; i < 2; i++) (t << hundredths / 100 << ".").number(hundredths % 100, 10, 2) << (i ? "\n" : " ");
}

void version(Text& t) { t << "Linux version 6.1.0-penglai (penglai) #1\n"; }
void loadavg(Text& t) {
  uint64_t count = 0;
  int last = 0;
  for_each_process([&](Process& p) {
    ++count;
    last = p.pid > last ? p.pid : last;
    return true;
  });
  t << "0.00 0.00 0.00 1/" << count << " " << last << "\n";
}
void filesystems(Text& t) { t << "nodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\thost\n"; }
void empty(Text&) {}
void cmdline(Text& t) { t << "\n"; }
void devices(Text& t) { t << "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n"; }
void vmstat(Text& t) {
  auto totals = frames::totals();
  t << "nr_free_pages " << totals.free_bytes / PageSize << "\n";
}

void ostype(Text& t) { t << "Linux\n"; }
void osrelease(Text& t) { t << "6.1.0-penglai\n"; }
void hostname(Text& t) { t << "penglai\n"; }
void domainname(Text& t) { t << "(none)\n"; }
void kernel_version(Text& t) { t << "#1\n"; }
void pid_max(Text& t) { t << "32768\n"; }
void threads_max(Text& t) { t << "32768\n"; }
void randomize(Text& t) { t << "2\n"; }
void cap_last(Text& t) { t << "40\n"; }
void core_pattern(Text& t) { t << "core\n"; }
void one(Text& t) { t << "1\n"; }
void zero(Text& t) { t << "0\n"; }
void entropy(Text& t) { t << "256\n"; }
void max_map_count(Text& t) { t << "65530\n"; }
void file_max(Text& t) { t << "1048576\n"; }
void pipe_max(Text& t) { t << "1048576\n"; }
void nr_open(Text& t) { t << uint64_t(Descriptors::Maximum) << "\n"; }

// RFC 4122, 4.4: a fresh one at each look; boot_id is this instance's.
void write_uuid(Text& t, const uint8_t (&b)[16]) {
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) t << "-";
    uint8_t v = i == 6 ? (b[i] & 15) | 0x40 : i == 8 ? (b[i] & 63) | 0x80 : b[i];
    t.hex(v, 2);
  }
  t << "\n";
}
void uuid(Text& t) {
  uint8_t bytes[16];
  random::fill(bytes, sizeof bytes);
  write_uuid(t, bytes);
}
PL_HOT constinit uint8_t boot_bytes[16] = {};
PL_HOT constinit uint64_t boot_of = 0;  // the enclave it was drawn for: a fork draws its own
void boot_id(Text& t) {
  if (boot_of != boot_parameters().id) {
    random::fill(boot_bytes, sizeof boot_bytes);
    boot_of = boot_parameters().id;
  }
  write_uuid(t, boot_bytes);
}

}  // namespace

// Each read goes to the host and back, and says nothing: what a round trip costs.
void null_ocall(Text&) { (void)ocall::call({.operation = PL_OP_NOP}); }

constexpr uint8_t Root = 0, Sys = 1, Kernel = 2, Random = 3, Vm = 4, Fs = 5, Penglai = 6, Net = 7, SysNet = 8, NetCore = 9,
                  NetIpv4 = 10, FsMqueue = 11, FsInotify = 12;
const SystemNode system_nodes[] = {
    {"", Root, Kind::Directory, nullptr},
    {"sys", Root, Kind::Directory, nullptr},
    {"kernel", Sys, Kind::Directory, nullptr},
    {"random", Kernel, Kind::Directory, nullptr},
    {"vm", Sys, Kind::Directory, nullptr},
    {"fs", Sys, Kind::Directory, nullptr},
    {"penglai", Root, Kind::Directory, nullptr},
    {"net", Root, Kind::Directory, nullptr},
    {"net", Sys, Kind::Directory, nullptr},
    {"core", SysNet, Kind::Directory, nullptr},
    {"ipv4", SysNet, Kind::Directory, nullptr},
    {"mqueue", Fs, Kind::Directory, nullptr},
    {"inotify", Fs, Kind::Directory, nullptr},
    {"unix", Net, Kind::Text, unix_sockets},
    {"tcp", Net, Kind::Text, tcp},
    {"tcp6", Net, Kind::Text, tcp6},
    {"udp", Net, Kind::Text, udp},
    {"udp6", Net, Kind::Text, udp6},
    {"dev", Net, Kind::Text, interfaces},
    {"somaxconn", NetCore, Kind::Text, line_limit},
    {"ip_local_port_range", NetIpv4, Kind::Text, port_range},
    {"null-ocall", Penglai, Kind::Text, null_ocall},
    {"meminfo", Root, Kind::Text, meminfo},
    {"cpuinfo", Root, Kind::Text, cpuinfo},
    {"stat", Root, Kind::Text, stat},
    {"uptime", Root, Kind::Text, uptime},
    {"shadow", Root, Kind::Text, describe_instance},
    {"version", Root, Kind::Text, version},
    {"loadavg", Root, Kind::Text, loadavg},
    {"filesystems", Root, Kind::Text, filesystems},
    {"cmdline", Root, Kind::Text, cmdline},
    {"devices", Root, Kind::Text, devices},
    {"vmstat", Root, Kind::Text, vmstat},
    {"partitions", Root, Kind::Text, empty},
    {"swaps", Root, Kind::Text, empty},
    {"modules", Root, Kind::Text, empty},
    {"locks", Root, Kind::Text, empty},
    {"mounts", Root, Kind::Text, mounts},
    {"ostype", Kernel, Kind::Text, ostype},
    {"osrelease", Kernel, Kind::Text, osrelease},
    {"hostname", Kernel, Kind::Text, hostname},
    {"domainname", Kernel, Kind::Text, domainname},
    {"version", Kernel, Kind::Text, kernel_version},
    {"pid_max", Kernel, Kind::Text, pid_max},
    {"threads-max", Kernel, Kind::Text, threads_max},
    {"randomize_va_space", Kernel, Kind::Text, randomize},
    {"cap_last_cap", Kernel, Kind::Text, cap_last},
    {"core_pattern", Kernel, Kind::Text, core_pattern},
    {"ngroups_max", Kernel, Kind::Text, [](Text& t) { t << "32\n"; }},
    {"overflowuid", Kernel, Kind::Text, [](Text& t) { t << "65534\n"; }},
    {"overflowgid", Kernel, Kind::Text, [](Text& t) { t << "65534\n"; }},
    {"shmmax", Kernel, Kind::Text, [](Text& t) { t << "18446744073692774399\n"; }},
    {"shmall", Kernel, Kind::Text, [](Text& t) { t << "18446744073692774399\n"; }},
    {"shmmni", Kernel, Kind::Text, [](Text& t) { t << "1024\n"; }},
    {"sem", Kernel, Kind::Text, [](Text& t) { t << "32000\t32000\t500\t1024\n"; }},
    {"msgmax", Kernel, Kind::Text, [](Text& t) { t << "8192\n"; }},
    {"msgmnb", Kernel, Kind::Text, [](Text& t) { t << "16384\n"; }},
    {"msgmni", Kernel, Kind::Text, [](Text& t) { t << "1024\n"; }},
    {"dmesg_restrict", Kernel, Kind::Text, one},
    {"uuid", Random, Kind::Text, uuid},
    {"boot_id", Random, Kind::Text, boot_id},
    {"entropy_avail", Random, Kind::Text, entropy},
    {"poolsize", Random, Kind::Text, entropy},
    {"overcommit_memory", Vm, Kind::Text, one},
    {"max_map_count", Vm, Kind::Text, max_map_count},
    {"mmap_min_addr", Vm, Kind::Text, [](Text& t) { t << "65536\n"; }},
    {"file-max", Fs, Kind::Text, file_max},
    {"nr_open", Fs, Kind::Text, nr_open},
    {"pipe-max-size", Fs, Kind::Text, pipe_max},
    {"msg_max", FsMqueue, Kind::Text, [](Text& t) { t << "10\n"; }},
    {"msgsize_max", FsMqueue, Kind::Text, [](Text& t) { t << "8192\n"; }},
    {"queues_max", FsMqueue, Kind::Text, [](Text& t) { t << "256\n"; }},
    {"max_user_watches", FsInotify, Kind::Text, [](Text& t) { t << "8192\n"; }},
    {"max_user_instances", FsInotify, Kind::Text, [](Text& t) { t << "128\n"; }},
    {"max_queued_events", FsInotify, Kind::Text, [](Text& t) { t << "16384\n"; }},
    {"protected_symlinks", Fs, Kind::Text, zero},
};
const unsigned system_node_count = sizeof system_nodes / sizeof system_nodes[0];

}  // namespace pl::proc
