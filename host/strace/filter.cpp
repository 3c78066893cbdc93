// SPDX-License-Identifier: BSD-2-Clause
#include "strace/filter.h"

#include <algorithm>

#include "strace/call.h"

namespace pl {
namespace {

constexpr uint64_t kNumbers = 1024;  // more than there are

struct Class {
  std::string_view name;
  bool (*holds)(std::string_view call, std::string_view parameters);
};

bool has_parameter(std::string_view parameters, auto matches) {
  while (!parameters.empty())
    if (matches(next_parameter(parameters))) return true;
  return false;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, word) != list.end();
}

bool is_memory(std::string_view call, std::string_view) {
  return is_one_of(call, {"brk", "mmap", "munmap", "mremap", "mprotect", "msync", "mincore", "madvise", "mlock", "mlock2", "munlock",
                          "mlockall", "munlockall", "membarrier", "shmat", "shmdt"});
}
bool is_process(std::string_view call, std::string_view) {
  return is_one_of(call, {"clone", "clone3", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "kill", "tkill", "tgkill",
                          "pidfd_open", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo"});
}
bool is_signal(std::string_view call, std::string_view) {
  return call.starts_with("rt_sig") || is_one_of(call, {"kill", "tkill", "tgkill", "sigaltstack", "signalfd4", "rt_tgsigqueueinfo"});
}
bool is_network(std::string_view call, std::string_view) {
  return is_one_of(call, {"socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "sendto",
                          "recvfrom", "setsockopt", "getsockopt", "shutdown", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg"});
}
bool is_time(std::string_view call, std::string_view) {
  return call.starts_with("clock_") || call.starts_with("timer_") || call.starts_with("timerfd_") || call.contains("itimer") ||
         is_one_of(call, {"nanosleep", "gettimeofday", "settimeofday", "adjtimex"});
}
bool is_file(std::string_view, std::string_view parameters) {
  return has_parameter(parameters, [](Parameter p) { return p.type == "UserAddress" && is_one_of(p.name, {"path", "from", "to", "target"}); });
}
bool is_descriptor(std::string_view, std::string_view parameters) {
  return has_parameter(parameters, [](Parameter p) { return p.type == "int" && is_one_of(p.name, {"descriptor", "directory", "epoll", "in", "out"}); });
}

constexpr Class kClasses[] = {{"%file", is_file},     {"%desc", is_descriptor}, {"%memory", is_memory}, {"%process", is_process},
                              {"%signal", is_signal}, {"%network", is_network}, {"%net", is_network},   {"%time", is_time}};

}  // namespace

std::expected<StraceFilter, std::string> StraceFilter::parse(std::string_view text) {
  StraceFilter filter;
  if (text == "all") return filter;
  filter.inverted_ = text.starts_with('!');
  if (filter.inverted_) text.remove_prefix(1);
  if (text == "none") return filter;
  if (text.empty()) return std::unexpected(std::string("names no call"));
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    bool found = false;
    const auto of_class = std::ranges::find(kClasses, word, &Class::name);
    for (uint64_t number = 0; number < kNumbers; ++number) {
      const TracedCall call = traced_call(number);
      if (call.name.empty()) continue;
      if (of_class == std::end(kClasses) ? call.name != word : !of_class->holds(call.name, call.parameters)) continue;
      filter.names_.emplace(call.name);
      found = true;
    }
    if (!found) return std::unexpected(std::string(word) + ": no such system call or class");
  }
  return filter;
}

}  // namespace pl
