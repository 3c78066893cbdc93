// SPDX-License-Identifier: BSD-2-Clause
// Numbers of flags are riscv64's (uapi asm-generic), whatever machine this runs on.
#include "strace/argument.h"

#include <cstring>
#include <fmt/format.h>

#include <algorithm>

#include "strace/message.h"
#include "strace/names.h"
#include "strace/signal.h"

namespace pl {
namespace {

constexpr Name kOpen[] = {{01, "O_WRONLY"}, {02, "O_RDWR"}, {0100, "O_CREAT"}, {0200, "O_EXCL"}, {0400, "O_NOCTTY"}, {01000, "O_TRUNC"},
                          {02000, "O_APPEND"}, {04000, "O_NONBLOCK"}, {020200000, "O_TMPFILE"}, {04010000, "O_SYNC"}, {010000, "O_DSYNC"},
                          {020000, "O_ASYNC"}, {040000, "O_DIRECT"}, {0100000, "O_LARGEFILE"}, {0200000, "O_DIRECTORY"}, {0400000, "O_NOFOLLOW"},
                          {01000000, "O_NOATIME"}, {02000000, "O_CLOEXEC"}, {010000000, "O_PATH"}};
constexpr Name kPipe[] = {{04000, "O_NONBLOCK"}, {040000, "O_DIRECT"}, {02000000, "O_CLOEXEC"}};
constexpr Name kProtection[] = {{1, "PROT_READ"}, {2, "PROT_WRITE"}, {4, "PROT_EXEC"}};
constexpr Name kMap[] = {{3, "MAP_SHARED_VALIDATE"}, {1, "MAP_SHARED"}, {2, "MAP_PRIVATE"}, {0x10, "MAP_FIXED"}, {0x20, "MAP_ANONYMOUS"},
                         {0x100, "MAP_GROWSDOWN"}, {0x800, "MAP_DENYWRITE"}, {0x1000, "MAP_EXECUTABLE"}, {0x2000, "MAP_LOCKED"},
                         {0x4000, "MAP_NORESERVE"}, {0x8000, "MAP_POPULATE"}, {0x20000, "MAP_STACK"}, {0x100000, "MAP_FIXED_NOREPLACE"}};
constexpr Name kClone[] = {{0x100, "CLONE_VM"}, {0x200, "CLONE_FS"}, {0x400, "CLONE_FILES"}, {0x800, "CLONE_SIGHAND"}, {0x1000, "CLONE_PIDFD"},
                           {0x4000, "CLONE_VFORK"}, {0x8000, "CLONE_PARENT"}, {0x10000, "CLONE_THREAD"}, {0x40000, "CLONE_SYSVSEM"},
                           {0x80000, "CLONE_SETTLS"}, {0x100000, "CLONE_PARENT_SETTID"}, {0x200000, "CLONE_CHILD_CLEARTID"},
                           {0x1000000, "CLONE_CHILD_SETTID"}};
constexpr Name kAt[] = {{0x100, "AT_SYMLINK_NOFOLLOW"}, {0x200, "AT_REMOVEDIR"}, {0x400, "AT_SYMLINK_FOLLOW"}, {0x800, "AT_NO_AUTOMOUNT"},
                        {0x1000, "AT_EMPTY_PATH"}};
constexpr Name kAccess[] = {{4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}};
constexpr Name kWait[] = {{1, "WNOHANG"}, {2, "WSTOPPED"}, {4, "WEXITED"}, {8, "WCONTINUED"}, {0x1000000, "WNOWAIT"}, {0x40000000, "__WALL"}};
constexpr Name kWaitId[] = {{1, "WNOHANG"}, {2, "WSTOPPED"}, {4, "WEXITED"}, {8, "WCONTINUED"}, {0x1000000, "WNOWAIT"}};
constexpr Name kWhich[] = {{0, "P_ALL"}, {1, "P_PID"}, {2, "P_PGID"}, {3, "P_PIDFD"}};
constexpr Name kRandom[] = {{1, "GRND_NONBLOCK"}, {2, "GRND_RANDOM"}};
constexpr Name kRename[] = {{1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}};
constexpr Name kStatx[] = {{0xfff, "STATX_ALL"}, {0x7ff, "STATX_BASIC_STATS"}, {1, "STATX_TYPE"}, {2, "STATX_MODE"}, {4, "STATX_NLINK"}, {8, "STATX_UID"}, {0x10, "STATX_GID"},
                           {0x20, "STATX_ATIME"}, {0x40, "STATX_MTIME"}, {0x80, "STATX_CTIME"}, {0x100, "STATX_INO"}, {0x200, "STATX_SIZE"}, {0x400, "STATX_BLOCKS"},
                           {0x800, "STATX_BTIME"}, {0x1000, "STATX_MNT_ID"}};
constexpr Name kIoctl[] = {{0x5401, "TCGETS"}, {0x5402, "TCSETS"}, {0x5403, "TCSETSW"}, {0x5404, "TCSETSF"}, {0x540f, "TIOCGPGRP"}, {0x5410, "TIOCSPGRP"},
                           {0x5413, "TIOCGWINSZ"}, {0x541b, "FIONREAD"}, {0x5421, "FIONBIO"}, {0x5450, "FIONCLEX"}, {0x5451, "FIOCLEX"}, {0x5452, "FIOASYNC"}};
constexpr Name kShutdown[] = {{0, "SHUT_RD"}, {1, "SHUT_WR"}, {2, "SHUT_RDWR"}};
constexpr Name kFutex[] = {{0, "FUTEX_WAIT"}, {1, "FUTEX_WAKE"}, {3, "FUTEX_REQUEUE"}, {4, "FUTEX_CMP_REQUEUE"}, {5, "FUTEX_WAKE_OP"},
                           {6, "FUTEX_LOCK_PI"}, {7, "FUTEX_UNLOCK_PI"}, {8, "FUTEX_TRYLOCK_PI"}, {9, "FUTEX_WAIT_BITSET"},
                           {10, "FUTEX_WAKE_BITSET"}, {11, "FUTEX_WAIT_REQUEUE_PI"}, {12, "FUTEX_CMP_REQUEUE_PI"}, {13, "FUTEX_LOCK_PI2"}};
constexpr Name kWhence[] = {{0, "SEEK_SET"}, {1, "SEEK_CUR"}, {2, "SEEK_END"}, {3, "SEEK_DATA"}, {4, "SEEK_HOLE"}};
constexpr Name kClock[] = {{0, "CLOCK_REALTIME"}, {1, "CLOCK_MONOTONIC"}, {2, "CLOCK_PROCESS_CPUTIME_ID"}, {3, "CLOCK_THREAD_CPUTIME_ID"},
                           {4, "CLOCK_MONOTONIC_RAW"}, {5, "CLOCK_REALTIME_COARSE"}, {6, "CLOCK_MONOTONIC_COARSE"}, {7, "CLOCK_BOOTTIME"}};
constexpr Name kMaskHow[] = {{0, "SIG_BLOCK"}, {1, "SIG_UNBLOCK"}, {2, "SIG_SETMASK"}};
constexpr Name kFcntl[] = {{0, "F_DUPFD"}, {1, "F_GETFD"}, {2, "F_SETFD"}, {3, "F_GETFL"}, {4, "F_SETFL"}, {5, "F_GETLK"}, {6, "F_SETLK"},
                           {7, "F_SETLKW"}, {8, "F_SETOWN"}, {9, "F_GETOWN"}, {36, "F_OFD_GETLK"}, {37, "F_OFD_SETLK"}, {38, "F_OFD_SETLKW"}, {10, "F_SETSIG"}, {11, "F_GETSIG"}, {15, "F_SETOWN_EX"}, {16, "F_GETOWN_EX"},
                           {1030, "F_DUPFD_CLOEXEC"}, {1031, "F_SETPIPE_SZ"}, {1032, "F_GETPIPE_SZ"}, {1033, "F_ADD_SEALS"}, {1034, "F_GET_SEALS"}};
constexpr Name kFamily[] = {{0, "AF_UNSPEC"}, {1, "AF_UNIX"}, {2, "AF_INET"}, {10, "AF_INET6"}, {16, "AF_NETLINK"}};
constexpr Name kSocketKind[] = {{1, "SOCK_STREAM"}, {2, "SOCK_DGRAM"}, {3, "SOCK_RAW"}, {5, "SOCK_SEQPACKET"}};
constexpr Name kSocketFlags[] = {{04000, "SOCK_NONBLOCK"}, {02000000, "SOCK_CLOEXEC"}};
constexpr Name kResource[] = {{0, "RLIMIT_CPU"}, {1, "RLIMIT_FSIZE"}, {2, "RLIMIT_DATA"}, {3, "RLIMIT_STACK"}, {4, "RLIMIT_CORE"},
                              {6, "RLIMIT_NPROC"}, {7, "RLIMIT_NOFILE"}, {8, "RLIMIT_MEMLOCK"}, {9, "RLIMIT_AS"}};
constexpr Name kAdvice[] = {{0, "MADV_NORMAL"}, {3, "MADV_WILLNEED"}, {4, "MADV_DONTNEED"}, {8, "MADV_FREE"}, {10, "MADV_DONTFORK"},
                            {14, "MADV_HUGEPAGE"}, {18, "MADV_WIPEONFORK"}};
constexpr Name kControl[] = {{1, "PR_SET_PDEATHSIG"}, {2, "PR_GET_PDEATHSIG"}, {3, "PR_GET_DUMPABLE"}, {4, "PR_SET_DUMPABLE"}, {7, "PR_GET_KEEPCAPS"},
                             {8, "PR_SET_KEEPCAPS"}, {15, "PR_SET_NAME"}, {16, "PR_GET_NAME"}, {21, "PR_GET_SECCOMP"}, {23, "PR_CAPBSET_READ"},
                             {24, "PR_CAPBSET_DROP"}, {27, "PR_GET_SECUREBITS"}, {28, "PR_SET_SECUREBITS"}, {29, "PR_SET_TIMERSLACK"},
                             {30, "PR_GET_TIMERSLACK"}, {36, "PR_SET_CHILD_SUBREAPER"}, {37, "PR_GET_CHILD_SUBREAPER"}, {38, "PR_SET_NO_NEW_PRIVS"},
                             {39, "PR_GET_NO_NEW_PRIVS"}, {40, "PR_GET_TID_ADDRESS"}, {41, "PR_SET_THP_DISABLE"}, {42, "PR_GET_THP_DISABLE"},
                             {47, "PR_CAP_AMBIENT"}, {0x53564d41, "PR_SET_VMA"}};
constexpr Name kDumpable[] = {{0, "SUID_DUMP_DISABLE"}, {1, "SUID_DUMP_USER"}, {2, "SUID_DUMP_ROOT"}};
constexpr Name kEpoll[] = {{1, "EPOLL_CTL_ADD"}, {2, "EPOLL_CTL_DEL"}, {3, "EPOLL_CTL_MOD"}};

}  // namespace

std::string one_of(std::span<const Name> names, uint64_t value) {
  const auto found = std::ranges::find(names, value, &Name::value);
  return found == names.end() ? fmt::format("{}", value) : std::string(found->text);
}

std::string flags_of(std::span<const Name> names, uint64_t value, std::string_view none) {
  std::string text(none);
  for (const Name& name : names) {
    if ((value & name.value) != name.value) continue;
    if (!text.empty()) text += '|';
    text += name.text;
    value &= ~name.value;
  }
  if (value) text += fmt::format("{}{:#x}", text.empty() ? "" : "|", value);
  return text.empty() ? "0" : text;
}

std::string clone_flags(uint64_t value) {
  const std::string flags = value & ~uint64_t{0xff} ? flags_of(kClone, value & ~uint64_t{0xff}, "") : "";
  if (!(value & 0xff)) return flags.empty() ? "0" : flags;
  return flags.empty() ? signal_name(value & 0xff) : flags + "|" + signal_name(value & 0xff);
}

namespace {

std::string control_name(uint64_t option) {
  const std::string name = one_of(kControl, static_cast<uint32_t>(option));
  return name.starts_with("PR_") ? name : fmt::format("{:#x} /* PR_??? */", static_cast<uint32_t>(option));
}

// FUTEX_OP_ADD<<28|0x3<<12|FUTEX_OP_CMP_GT<<24|0x4
std::string wake_operation(uint32_t value) {
  constexpr std::string_view operations[] = {"SET", "ADD", "OR", "ANDN", "XOR"}, comparisons[] = {"EQ", "NE", "LT", "LE", "GT", "GE"};
  const uint32_t operation = value >> 28 & 7, comparison = value >> 24 & 15;
  return fmt::format("{}{}<<28|{:#x}<<12|{}<<24|{:#x}", value >> 31 ? "FUTEX_OP_OPARG_SHIFT<<28|" : "",
                     operation < std::size(operations) ? fmt::format("FUTEX_OP_{}", operations[operation]) : fmt::format("{:#x}", operation), value >> 12 & 0xfff,
                     comparison < std::size(comparisons) ? fmt::format("FUTEX_OP_CMP_{}", comparisons[comparison]) : fmt::format("{:#x}", comparison), value & 0xfff);
}

// What only this parameter of this call can mean; empty: what its type says.
std::string special(std::string_view call, std::string_view name, uint64_t value) {
  auto is = [&](std::string_view c, std::string_view n) { return call == c && name == n; };
  if (is("openat", "flags")) return flags_of(kOpen, value, value & 3 ? "" : "O_RDONLY");
  if (is("mmap", "flags")) return flags_of(kMap, value, "");
  if (name == "protection") return value ? flags_of(kProtection, value, "") : "PROT_NONE";
  if (is("clone", "flags")) return clone_flags(value);
  if (is("faccessat", "mode") || is("faccessat2", "mode")) return value ? flags_of(kAccess, value, "") : "F_OK";
  if (is("renameat2", "flags")) return flags_of(kRename, value, "");
  if (is("getrandom", "flags")) return flags_of(kRandom, value, "");
  if (is("pipe2", "flags") || is("dup3", "flags")) return flags_of(kPipe, value, "");
  if (call.ends_with("at") && name == "flags") return flags_of(kAt, value, "");
  if (is("statx", "flags") || is("faccessat2", "flags")) return flags_of(kAt, value, "");
  if (is("waitid", "options")) return flags_of(kWaitId, value, "");
  if (is("waitid", "which")) return one_of(kWhich, value);
  if (is("wait4", "options")) return flags_of(kWait, value, "");
  if ((call.starts_with("send") || call.starts_with("recv")) && name == "flags") return message_flags(value, "");
  if (is("futex", "bits")) return value == 0xffffffff ? "FUTEX_BITSET_MATCH_ANY" : fmt::format("{:#x}", value);
  if (is("futex", "wake_operation")) return wake_operation(static_cast<uint32_t>(value));
  if (is("futex", "operation")) return one_of(kFutex, value & ~uint64_t{384}) + (value & 128 ? "_PRIVATE" : "") + (value & 256 ? "|FUTEX_CLOCK_REALTIME" : "");
  if (is("statx", "mask")) return flags_of(kStatx, value, "");
  if (is("ioctl", "command")) return one_of(kIoctl, value);
  if (call.ends_with("sockopt") && name == "level") return socket_level(value);
  if (is("shutdown", "how")) return one_of(kShutdown, value);
  if (is("clone3", "flags")) return clone_flags(value);
  if (name == "whence") return one_of(kWhence, value);
  if (name == "clock") return one_of(kClock, value);
  if (is("rt_sigprocmask", "how")) return one_of(kMaskHow, value);
  if (is("fcntl", "command")) return one_of(kFcntl, value);
  if (is("socket", "family") || is("socketpair", "family")) return one_of(kFamily, value);
  if (is("socket", "type") || is("socketpair", "type")) {
    const uint64_t flags = value & 02004000;
    return one_of(kSocketKind, value & ~uint64_t{02004000}) + (flags ? "|" + flags_of(kSocketFlags, flags, "") : "");
  }
  if (name == "resource") return one_of(kResource, value);
  if (is("madvise", "advice")) return one_of(kAdvice, value);
  if (is("epoll_ctl", "operation")) return one_of(kEpoll, value);
  if (is("prctl", "option")) return control_name(value);
  if (is("prctl", "dumpable")) return one_of(kDumpable, value);
  if (is("prctl", "death_signal")) return value ? signal_name(value) : "0";
  if (name == "number" && (call.contains("sig") || call.contains("kill"))) return signal_name(value);
  return {};
}

}  // namespace

std::string argument_text(std::string_view call, Parameter parameter, uint64_t value, const std::optional<std::string>& text) {
  const auto [type, name] = parameter;
  if (text) return *text;
  const bool narrow = type == "int" || type == "uint32_t";
  if (narrow) value = static_cast<uint32_t>(value);
  if (std::string meant = special(call, name, value); !meant.empty()) return meant;
  if (type.starts_with("User") || type.ends_with('*')) return value ? fmt::format("{:#x}", value) : "NULL";
  if (type == "int") {
    const int number = static_cast<int>(value);
    return name.contains("directory") && number == -100 ? "AT_FDCWD" : fmt::format("{}", number);
  }
  if (name == "mode" || name == "mask") return fmt::format("{:04o}", value);
  if (name == "flags" || name == "command") return value ? fmt::format("{:#x}", value) : "0";
  if (type == "int64_t") return fmt::format("{}", static_cast<int64_t>(value));
  return fmt::format("{}", value);
}

namespace {

// clone(2): the stack comes first, and what no flag asks for is not shown.
std::vector<Place> clone_places(uint64_t flags, const Parameter parameters[]) {
  constexpr uint64_t kPidfd = 0x1000, kParentTid = 0x100000, kTls = 0x80000, kChildTid = 0x1200000;
  std::vector<Place> places = {{1, "child_stack=", {"UserAddress", "stack"}}, {0, "flags=", parameters[0]}};
  if (flags & kParentTid) places.push_back({2, "parent_tid=", parameters[2]});
  else if (flags & kPidfd) places.push_back({2, "pidfd=", parameters[2]});
  if (flags & kTls) places.push_back({3, "tls=", {"UserAddress", "tls"}});
  if (flags & kChildTid) places.push_back({4, "child_tidptr=", parameters[4]});
  return places;
}

// futex(2): each operation has arguments of its own.
std::vector<Place> futex_places(uint64_t operation, const Parameter parameters[]) {
  constexpr Parameter kTime{"UserAddress", "timeout"}, kBits{"uint32_t", "bits"}, kCount{"uint32_t", "count"};
  const Place value{2, {}, parameters[2]}, time{3, {}, kTime}, count{3, {}, kCount}, other{4, {}, parameters[4]}, bits{5, {}, kBits};
  std::vector<Place> places = {{0, {}, parameters[0]}, {1, {}, parameters[1]}};
  auto add = [&](std::initializer_list<Place> more) { places.insert(places.end(), more); };
  switch (operation & ~uint64_t{384}) {
    case 0: add({value, time}); break;                                                       // WAIT
    case 1: add({value}); break;                                                             // WAKE
    case 3: add({value, count, other}); break;                                               // REQUEUE
    case 4: case 12: add({value, count, other, {5, {}, parameters[5]}}); break;              // CMP_REQUEUE, CMP_REQUEUE_PI
    case 5: add({value, count, other, {5, {}, {"uint32_t", "wake_operation"}}}); break;      // WAKE_OP
    case 6: case 13: add({time}); break;                                                     // LOCK_PI, LOCK_PI2
    case 7: case 8: break;                                                                   // UNLOCK_PI, TRYLOCK_PI
    case 9: add({value, time, bits}); break;                                                 // WAIT_BITSET
    case 10: add({value, bits}); break;                                                      // WAKE_BITSET
    case 11: add({value, time, other}); break;                                               // WAIT_REQUEUE_PI
    default: add({value, time, other, {5, {}, parameters[5]}});
  }
  return places;
}

// prctl(2): each option has arguments of its own; of one that strace does not know, all.
std::vector<Place> control_places(uint64_t option, const Parameter parameters[]) {
  const std::string name = one_of(kControl, static_cast<uint32_t>(option));
  std::vector<Place> places = {{0, {}, parameters[0]}};
  auto only = [&](Parameter one) { places.push_back({1, {}, one}); };
  if (name == "PR_SET_PDEATHSIG") only({"int", "death_signal"});
  else if (name == "PR_GET_PDEATHSIG") only({"UserOut<int>", "signal"});
  else if (name == "PR_SET_DUMPABLE") only({"uint64_t", "dumpable"});
  else if (name == "PR_SET_NAME") only({"UserIn<char>", "name"});
  else if (name == "PR_GET_NAME") only({"UserOut<char>", "name"});
  else if (name == "PR_GET_CHILD_SUBREAPER") only({"UserOut<int>", "value"});
  else if (name == "PR_GET_TID_ADDRESS") only({"UserOut<uint64_t>", "pointer"});
  else if (name == "PR_SET_KEEPCAPS" || name == "PR_SET_TIMERSLACK" || name == "PR_SET_CHILD_SUBREAPER") only({"uint64_t", "value"});
  else if (name == "PR_GET_DUMPABLE" || name == "PR_GET_KEEPCAPS" || name == "PR_GET_SECCOMP" || name == "PR_GET_SECUREBITS" || name == "PR_GET_TIMERSLACK") return places;
  else
    for (unsigned i = 1; i < 5; ++i) places.push_back({i, {}, {"uint64_t", i == 1 && name == "PR_SET_NO_NEW_PRIVS" ? "value" : "flags"}});
  return places;
}

}  // namespace

std::vector<Place> places_of(const TracedCall& call, const uint64_t values[6]) {
  constexpr uint64_t kCreates = 0100 | 020000000;
  Parameter parameters[6];
  unsigned count = 0;
  for (std::string_view rest = call.parameters; count < 6 && !rest.empty(); ++count) {
    parameters[count] = next_parameter(rest);
    if (parameters[count].type == "void" || parameters[count].type.empty()) break;
  }
  if (call.name == "clone") return clone_places(values[0], parameters);
  if (call.name == "futex") return futex_places(values[1], parameters);
  if (call.name == "prctl") return control_places(values[0], parameters);
  // The mode of an open that creates nothing means nothing.
  if (call.name == "openat" && !(values[2] & kCreates)) --count;
  // It takes a frame from the stack.
  if (call.name == "rt_sigreturn") return {{0, {}, {"SignalFrame*", "frame"}}};
  std::vector<Place> places;
  for (unsigned i = 0; i < count; ++i) places.push_back({i, {}, parameters[i]});
  return places;
}

std::string result_text(std::string_view call, uint64_t result) {
  const auto value = static_cast<int64_t>(result);
  if (value < 0 && value >= -4095) {
    const int error = static_cast<int>(-value);
    // Kernel-internal (signal(7)): the call goes on once the signal is handled.
    if (error == 512) return "? ERESTARTSYS (To be restarted if SA_RESTART is set)";
    if (error == 513) return "? ERESTARTNOINTR (To be restarted)";
    if (error == 514) return "? ERESTARTNOHAND (To be restarted if no handler)";
    if (error == 516) return "? ERESTART_RESTARTBLOCK (Interrupted by signal)";
    const char* name = strerrorname_np(error);
    return fmt::format("-1 {} ({})", name ? name : std::to_string(error), strerror(error));
  }
  if (call == "mmap" || call == "brk" || call == "mremap" || call == "shmat") return fmt::format("{:#x}", result);
  return fmt::format("{}", value);
}

}  // namespace pl
