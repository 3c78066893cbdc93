// SPDX-License-Identifier: BSD-2-Clause
#include "strace/structure.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <ctime>
#include <functional>

#include "strace/message.h"
#include "strace/names.h"
#include "strace/signal.h"

namespace pl {
namespace {

constexpr Name kStatxMask[] = {{0x7ff, "STATX_BASIC_STATS"}, {1, "STATX_TYPE"}, {2, "STATX_MODE"}, {4, "STATX_NLINK"}, {8, "STATX_UID"}, {0x10, "STATX_GID"},
                               {0x200, "STATX_SIZE"}, {0x800, "STATX_BTIME"}, {0x1000, "STATX_MNT_ID"}};
constexpr Name kPoll[] = {{1, "POLLIN"}, {2, "POLLPRI"}, {4, "POLLOUT"}, {0x40, "POLLRDNORM"}, {0x80, "POLLRDBAND"}, {0x100, "POLLWRNORM"},
                          {0x200, "POLLWRBAND"}, {0x400, "POLLMSG"}, {8, "POLLERR"}, {0x10, "POLLHUP"}, {0x20, "POLLNVAL"}, {0x2000, "POLLRDHUP"}};
constexpr Name kEpollEvents[] = {{1, "EPOLLIN"}, {2, "EPOLLPRI"}, {4, "EPOLLOUT"}, {0x40, "EPOLLRDNORM"}, {0x80, "EPOLLRDBAND"}, {0x100, "EPOLLWRNORM"},
                                 {0x200, "EPOLLWRBAND"}, {8, "EPOLLERR"}, {0x10, "EPOLLHUP"}, {0x2000, "EPOLLRDHUP"}, {1u << 28, "EPOLLEXCLUSIVE"},
                                 {1u << 29, "EPOLLWAKEUP"}, {1u << 30, "EPOLLONESHOT"}, {1u << 31, "EPOLLET"}};
constexpr Name kActionFlags[] = {{1, "SA_NOCLDSTOP"}, {2, "SA_NOCLDWAIT"}, {4, "SA_SIGINFO"}, {0x08000000, "SA_ONSTACK"}, {0x10000000, "SA_RESTART"},
                                 {0x40000000, "SA_NODEFER"}, {0x80000000, "SA_RESETHAND"}};

std::string list(std::string_view bytes, size_t size, const std::function<std::string(std::string_view)>& one) {
  std::string text = "[";
  for (size_t i = 0; i + size <= bytes.size(); i += size) text += (i ? ", " : "") + one(bytes.substr(i, size));
  return text + "]";
}

std::string mode(uint64_t bits) {
  constexpr Name kinds[] = {{0140000, "S_IFSOCK"}, {0120000, "S_IFLNK"}, {0100000, "S_IFREG"}, {060000, "S_IFBLK"}, {040000, "S_IFDIR"}, {020000, "S_IFCHR"}, {010000, "S_IFIFO"}};
  constexpr Name special[] = {{04000, "S_ISUID"}, {02000, "S_ISGID"}, {01000, "S_ISVTX"}};
  std::string text = one_of(kinds, bits & 0170000);
  for (const Name& s : special)
    if (bits & s.value) text += fmt::format("|{}", s.text);
  return fmt::format("{}|0{:o}", text, bits & 0777);
}

std::string time(std::string_view b, std::string_view fraction) { return fmt::format("{{tv_sec={}, tv_{}={}}}", at<int64_t>(b, 0), fraction, at<int64_t>(b, 8)); }
std::string interval(std::string_view b, std::string_view fraction) {
  return fmt::format("{{it_interval={}, it_value={}}}", time(b, fraction), time(b.substr(std::min<size_t>(16, b.size())), fraction));
}

std::string status(std::string_view b) {
  constexpr uint64_t kDevice = 32, kSize = 48;
  const auto bits = at<uint32_t>(b, 16);
  const bool device = (bits & 0170000) == 020000 || (bits & 0170000) == 060000;
  const auto number = at<uint64_t>(b, kDevice);
  const uint64_t major = (number >> 8 & 0xfff) | (number >> 32 & ~uint64_t{0xfff}), minor = (number & 0xff) | (number >> 12 & ~uint64_t{0xff});
  return fmt::format("{{st_mode={}, {}, ...}}", mode(bits),
                     device ? fmt::format("st_rdev=makedev({:#x}, {:#x})", major, minor & 0xffffffff) : fmt::format("st_size={}", at<int64_t>(b, kSize)));
}

std::string statx(std::string_view b) {
  return fmt::format("{{stx_mask={}, stx_attributes={}, stx_mode={}, stx_size={}, ...}}", flags_of(kStatxMask, at<uint32_t>(b, 0), ""),
                     at<uint64_t>(b, 8) ? fmt::format("{:#x}", at<uint64_t>(b, 8)) : "0", mode(at<uint16_t>(b, 28)), at<uint64_t>(b, 40));
}

std::string limit_value(uint64_t value) {
  if (value == ~uint64_t{0}) return "RLIM64_INFINITY";
  return value > 1024 && value % 1024 == 0 ? fmt::format("{}*1024", value / 1024) : fmt::format("{}", value);
}

// [INT TERM RT_3]; of more than half of all, those that are missing: ~[KILL].
std::string signal_set(uint64_t bits) {
  const bool inverted = __builtin_popcountll(bits) >= 32;
  if (inverted) bits = ~bits;
  std::string text;
  for (unsigned n = 1; n <= 64; ++n) {
    if (!(bits >> (n - 1) & 1)) continue;
    if (!text.empty()) text += ' ';
    text += n == 32 ? "RTMIN" : n > 32 ? fmt::format("RT_{}", n - 32) : signal_name(n).substr(3);
  }
  return fmt::format("{}[{}]", inverted ? "~" : "", text);
}

std::string action(std::string_view b) {
  const auto handler = at<uint64_t>(b, 0), flags = at<uint64_t>(b, 8);
  const std::string name = handler == 0 ? "SIG_DFL" : handler == 1 ? "SIG_IGN" : fmt::format("{:#x}", handler);
  return fmt::format("{{sa_handler={}, sa_mask={}, sa_flags={}}}", name, signal_set(at<uint64_t>(b, 16)), flags_of(kActionFlags, flags, ""));
}

std::string wait_status(uint32_t s) {
  if ((s & 0xffff) == 0xffff) return "[{WIFCONTINUED(s)}]";
  if ((s & 0xff) == 0x7f) return fmt::format("[{{WIFSTOPPED(s) && WSTOPSIG(s) == {}}}]", signal_name(s >> 8 & 0xff));
  if (s & 0x7f) return fmt::format("[{{WIFSIGNALED(s) && WTERMSIG(s) == {}{}}}]", signal_name(s & 0x7f), s & 0x80 ? " && WCOREDUMP(s)" : "");
  return fmt::format("[{{WIFEXITED(s) && WEXITSTATUS(s) == {}}}]", s >> 8 & 0xff);
}

// The bytes of a path up to its NUL.
std::string path(std::string_view b) { return quoted(b.substr(0, b.find('\0'))); }

// Of a thread: what is longer than the kernel takes (TASK_COMM_LEN) goes on.
std::string thread_name(std::string_view b) {
  constexpr size_t kMost = 15;
  const size_t length = std::min(b.find('\0'), b.size());
  return quoted(b.substr(0, std::min(length, kMost))) + (length > kMost ? "..." : "");
}

std::string poll_entries(std::string_view b) {
  return list(b, 8, [](std::string_view e) { return fmt::format("{{fd={}, events={}}}", at<int32_t>(e, 0), flags_of(kPoll, at<uint16_t>(e, 4), "")); });
}

std::string epoll_event(std::string_view e) {
  return fmt::format("{{events={}, data={:#x}}}", flags_of(kEpollEvents, at<uint32_t>(e, 0), ""), at<uint64_t>(e, 8));
}

std::string clone_arguments(std::string_view b) {
  const auto flags = at<uint64_t>(b, 0);
  std::string text = fmt::format("{{flags={}", clone_flags(flags));
  auto pointer = [&](uint64_t flag, std::string_view name, size_t offset) {
    if (flags & flag) text += fmt::format(", {}={:#x}", name, at<uint64_t>(b, offset));
  };
  pointer(0x1000, "pidfd", 8);
  pointer(0x1200000, "child_tid", 16);
  pointer(0x100000, "parent_tid", 24);
  const auto number = at<uint64_t>(b, 32), stack = at<uint64_t>(b, 40), size = at<uint64_t>(b, 48);
  text += fmt::format(", exit_signal={}, stack={}, stack_size={}", number ? signal_name(number) : "0", stack ? fmt::format("{:#x}", stack) : "NULL",
                      size ? fmt::format("{:#x}", size) : "0");
  pointer(0x80000, "tls", 56);
  return text + "}";
}

std::optional<std::string> device_request(uint64_t command, std::string_view b) {
  constexpr uint64_t kGetModes = 0x5401, kGetWindow = 0x5413, kReadable = 0x541b;
  switch (command) {
    case kGetWindow: return fmt::format("{{ws_row={}, ws_col={}, ws_xpixel={}, ws_ypixel={}}}", at<uint16_t>(b, 0), at<uint16_t>(b, 2), at<uint16_t>(b, 4), at<uint16_t>(b, 6));
    case kReadable: return fmt::format("[{}]", at<int32_t>(b, 0));
    case kGetModes: {
      const auto output = at<uint32_t>(b, 4), control = at<uint32_t>(b, 8), local = at<uint32_t>(b, 12);
      constexpr Name speeds[] = {{0, "B0"}, {13, "B9600"}, {14, "B19200"}, {15, "B38400"}, {0x1001, "B57600"}, {0x1002, "B115200"}};
      auto mark = [](bool set) { return set ? "" : "-"; };
      return fmt::format("{{{} {}opost {}isig {}icanon {}echo ...}}", one_of(speeds, control & 0x100f), mark(output & 1), mark(local & 1), mark(local & 2), mark(local & 8));
    }
    default: return std::nullopt;
  }
}

// utimensat(2)'s: a moment, as strace reads it aloud too, or what stands for one.
std::string file_time(std::string_view b) {
  constexpr int64_t kNow = 0x3fffffff, kOmit = 0x3ffffffe;
  const auto seconds = static_cast<time_t>(at<int64_t>(b, 0));
  const auto nanoseconds = at<int64_t>(b, 8);
  if (nanoseconds == kNow) return "UTIME_NOW";
  if (nanoseconds == kOmit) return "UTIME_OMIT";
  tm parts{};
  char date[32], zone[8];
  if (!localtime_r(&seconds, &parts) || nanoseconds < 0 || nanoseconds > 999'999'999) return time(b, "nsec");
  strftime(date, sizeof date, "%FT%T", &parts);
  strftime(zone, sizeof zone, "%z", &parts);
  return time(b, "nsec") + (nanoseconds ? fmt::format(" /* {}.{:09}{} */", date, nanoseconds, zone) : fmt::format(" /* {}{} */", date, zone));
}

// [0 3]: the members of an fd_set below `count`.
std::string descriptor_set(std::string_view b, uint64_t count) {
  std::string text = "[";
  for (uint64_t fd = 0; fd < std::min<uint64_t>(count, b.size() * 8); ++fd)
    if (static_cast<unsigned char>(b[fd / 8]) >> fd % 8 & 1) text += fmt::format("{}{}", text.size() > 1 ? " " : "", fd);
  return text + "]";
}

bool receives(std::string_view call) { return call.starts_with("recv") || call.contains("readv"); }

// Buffers behind pointers: of a call that sends they were there from the start.
Moved moved(std::string_view call, const TracedValues& traced) {
  if (!receives(call)) return {traced.memory, true, kAllMoved};
  return {traced.memory, traced.succeeded(), traced.succeeded() ? *traced.result : 0};
}

std::optional<std::string> pointing_text(std::string_view call, std::string_view type, unsigned index, const TracedValues& traced) {
  const Structure& s = traced.structures[index];
  const std::string_view before = s.read, b = s.filled.empty() ? s.read : s.filled;
  const bool array = type != "UserIn<MessageHeader>";
  const auto count = static_cast<uint32_t>(traced.values[index + (array ? 1 : 0)]);
  if (type == "UserIn<IoVector>") return count && b.empty() ? std::nullopt : std::optional(vectors_text(b, count, moved(call, traced)));
  if (b.empty()) return std::nullopt;
  if (!array && receives(call) && !traced.succeeded()) return fmt::format("{{msg_namelen={}}}", at<uint32_t>(before, 8));
  if (!array) return message_text(before, b, moved(call, traced));
  return messages_text(before, b, traced.succeeded() ? *traced.result : count, receives(call), moved(call, traced));
}

}  // namespace

std::optional<std::string> address_text(std::string_view b) {
  constexpr uint16_t kUnix = 1, kInet = 2, kInet6 = 10;
  const auto family = at<uint16_t>(b, 0);
  char text[INET6_ADDRSTRLEN];
  if (b.size() < 2) return std::nullopt;
  if (family == kUnix && b.size() == 2) return "{sa_family=AF_UNIX}";
  if (family == kUnix && b[2] == 0) return fmt::format("{{sa_family=AF_UNIX, sun_path=@{}}}", path(b.substr(3)));
  if (family == kUnix) return fmt::format("{{sa_family=AF_UNIX, sun_path={}}}", path(b.substr(2)));
  const unsigned port = ntohs(at<uint16_t>(b, 2));
  if (family == kInet && b.size() >= 16 && inet_ntop(AF_INET, b.data() + 4, text, sizeof text))
    return fmt::format("{{sa_family=AF_INET, sin_port=htons({}), sin_addr=inet_addr(\"{}\")}}", port, text);
  if (family == kInet6 && b.size() >= 28 && inet_ntop(AF_INET6, b.data() + 8, text, sizeof text))
    return fmt::format("{{sa_family=AF_INET6, sin6_port=htons({}), sin6_flowinfo=htonl({}), inet_pton(AF_INET6, \"{}\", &sin6_addr), sin6_scope_id={}}}", port,
                       ntohl(at<uint32_t>(b, 4)), text, at<uint32_t>(b, 24));
  return std::nullopt;
}

std::optional<std::string> structure_text(std::string_view call, Parameter parameter, unsigned index, const TracedValues& traced) {
  auto [type, name] = parameter;
  const Structure& s = traced.structures[index];
  const auto& values = traced.values;
  if (type == "UserIn<IoVector>" || type == "UserIn<MessageHeader>" || type == "UserIn<ManyMessageHeader>") return pointing_text(call, type, index, traced);
  if (s.count && name == "environment") return fmt::format("{:#x} /* {} var{} */", values[index], *s.count, *s.count == 1 ? "" : "s");
  if (s.count) return fmt::format("{:#x} /* {} entries */", values[index], *s.count);
  std::string_view b = type.starts_with("UserIn<") || s.filled.empty() ? s.read : s.filled;
  if (name == "length" && s.read.size() == 4) {
    const auto before = at<int32_t>(s.read, 0), after = s.filled.empty() ? before : at<int32_t>(s.filled, 0);
    return before == after ? fmt::format("[{}]", before) : fmt::format("[{} => {}]", before, after);
  }
  if (call.ends_with("sockopt") && name == "name") return socket_option(values[1], values[2]);
  if (type == "UserOut<EpollRecord>" && traced.result == 0) return "[]";
  if (b.empty()) return std::nullopt;
  // Of an option that is a number.
  if (call.ends_with("sockopt") && name == "value") {
    const bool number = call == "setsockopt" ? static_cast<uint32_t>(values[4]) == 4 : at<int32_t>(traced.structures[4].filled, 0) == 4;
    return number ? std::optional(fmt::format("[{}]", at<int32_t>(b, 0))) : std::nullopt;
  }
  if (call == "rt_sigreturn") return fmt::format("{{mask={}}}", signal_set(at<uint64_t>(b, 0)));
  if (name == "entries") return poll_entries(s.read);
  if (call == "pselect6" && (name == "read" || name == "write" || name == "except")) return descriptor_set(s.read, static_cast<uint32_t>(values[0]));
  if (call == "pselect6" && name == "mask") {
    const std::string_view set = traced.memory.from(at<uint64_t>(s.read, 0));
    const auto bytes = at<uint64_t>(s.read, 8);
    return at<uint64_t>(s.read, 0) ? fmt::format("{{sigmask={}, sigsetsize={}}}", set.size() >= 8 ? signal_set(at<uint64_t>(set, 0)) : "[]", bytes)
                                   : fmt::format("{{sigmask=NULL, sigsetsize={}}}", bytes);
  }
  if (name == "arguments" && call.starts_with("execve")) return strings_text(s.read, traced.memory);
  if (name == "parent_tid") return fmt::format("[{}]", at<int32_t>(b, 0));
  if (name == "times" && type == "UserIn<TimeSpec>") return list(b.substr(0, 32), 16, file_time);
  if (name == "argument") return device_request(values[1], b);
  if (name == "arguments") return clone_arguments(b);
  if (name == "address") return address_text(b);
  if (name == "timeout" && type == "UserAddress") return time(s.read, "nsec");
  if (name == "left") return std::nullopt;
  const size_t open = type.find('<');
  if (open == type.npos) return std::nullopt;
  type = type.substr(open + 1, type.size() - open - 2);
  if (type == "StatRecord") return status(b);
  if (type == "StatxRecord") return statx(b);
  if (type == "TimeSpec" && name != "times") return time(b, "nsec");
  if (type == "TimeValue") return time(b, "usec");
  if (type == "IntervalValue") return interval(b, "nsec");
  if (type == "IntervalTimeValue") return interval(b, "usec");
  if (type == "Limit") return fmt::format("{{rlim_cur={}, rlim_max={}}}", limit_value(at<uint64_t>(b, 0)), limit_value(at<uint64_t>(b, 8)));
  if (type == "SignalSet") return signal_set(at<uint64_t>(b, 0));
  if (type == "SignalAction") return action(b);
  if (type == "EpollRecord") return call == "epoll_ctl" ? epoll_event(b) : list(b, 16, epoll_event);
  if (type == "RawSignalInfo") return signal_information(b);
  if (call == "get_robust_list") return name == "head" ? fmt::format("[{:#x}]", at<uint64_t>(b, 0)) : fmt::format("[{}]", at<uint64_t>(b, 0));
  if (type == "ResourceUsage") return fmt::format("{{ru_utime={}, ru_stime={}, ...}}", time(b, "usec"), time(b.substr(std::min<size_t>(16, b.size())), "usec"));
  if (type == "SystemNames") return fmt::format("{{sysname={}, nodename={}, ...}}", path(b), path(b.substr(std::min<size_t>(65, b.size()))));
  if (type == "int" && call == "wait4") return wait_status(at<uint32_t>(b, 0));
  if (call == "prctl" && name == "signal") return at<int32_t>(b, 0) ? fmt::format("[{}]", signal_name(at<uint32_t>(b, 0))) : "[0]";
  if (call == "prctl" && name == "name") return thread_name(b);
  if (call == "prctl" && name == "pointer") return fmt::format("[{:#x}]", at<uint64_t>(b, 0));
  if (call == "prctl") b = b.substr(0, 4);
  if (type == "int" || type == "uint32_t") return list(b, 4, [](std::string_view v) { return fmt::format("{}", at<int32_t>(v, 0)); });
  return std::nullopt;
}

bool is_filled(std::string_view call, Parameter parameter) {
  const auto [type, name] = parameter;
  const bool pointing = type == "UserIn<IoVector>" || type == "UserIn<MessageHeader>" || type == "UserIn<ManyMessageHeader>";
  return type.starts_with("UserOut<") || name == "parent_tid" || (pointing && receives(call));
}

std::string outcome_text(std::string_view call, const TracedValues& traced) {
  if (!traced.succeeded()) return {};
  const uint64_t result = *traced.result;
  if (call == "rt_sigtimedwait") return fmt::format(" ({})", signal_name(result));
  constexpr uint64_t kGetDumpable = 3;
  if (call == "prctl" && traced.values[0] == kGetDumpable) return result == 1 ? " (SUID_DUMP_USER)" : result == 0 ? " (SUID_DUMP_DISABLE)" : "";
  const bool select = call == "pselect6";
  if (call != "ppoll" && !select) return {};
  if (!result) return " (Timeout)";
  std::string text;
  const auto& structures = traced.structures;
  if (select) {
    constexpr std::string_view names[] = {"in", "out", "except"};
    for (unsigned i = 0; i < 3; ++i) {
      const std::string set = descriptor_set(structures[i + 1].filled, static_cast<uint32_t>(traced.values[0]));
      if (set != "[]") text += fmt::format("{}{} {}", text.empty() ? "" : ", ", names[i], set);
    }
  } else {
    const std::string_view filled = structures[0].filled;
    for (size_t i = 0; i + 8 <= filled.size(); i += 8) {
      const auto events = at<uint16_t>(filled, i + 6);
      if (events) text += fmt::format("{}{{fd={}, revents={}}}", text.empty() ? "" : ", ", at<int32_t>(filled, i), flags_of(kPoll, events, ""));
    }
    text = "[" + text + "]";
  }
  const std::string_view left = structures[select ? 4 : 2].filled;
  return fmt::format(" ({}{}{})", text, left.empty() ? "" : ", left ", left.empty() ? "" : time(left, "nsec"));
}

}  // namespace pl
