// SPDX-License-Identifier: BSD-2-Clause
// libos/syscall/SUPPORTED.md is made here, from table.def, which dispatches the calls, and accepted.def, whose masks their handlers check:
//
//     PL_WRITE=1 build/tests/libos-supported
#include <criterion/criterion.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Named { const char* name; unsigned long long value; };
struct Parameter { std::string name, refusal; std::vector<Named> names; bool values; };
struct Call { std::string name; unsigned number; std::vector<Parameter> parameters; std::string refused, why; std::vector<std::string> notes; };
struct Family { std::string title; std::vector<Call> calls; };

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void read_table(const std::string& path, std::vector<Family>& families) {
  std::istringstream lines(content(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("// ---- ")) {
      families.push_back({line.substr(8, line.find(" ----", 8) - 8), {}});
    } else if (line.starts_with("PL_SYSCALL(")) {
      const size_t comma = line.find(',');
      std::string name = line.substr(comma + 2);
      families.back().calls.push_back({name.substr(0, name.find(',')), unsigned(std::stoul(line.substr(11))), {}, {}, {}, {}});
    } else if (line.starts_with("#include")) {
      read_table(PL_SYSCALLS "/" + line.substr(line.rfind('/') + 1, line.rfind('"') - line.rfind('/') - 1), families);
    }
  }
}

std::vector<Family> supported() {
  std::vector<Family> families;
  read_table(PL_SYSCALLS "/table.def", families);
  auto find = [&](const std::string& name) -> Call& {
    for (Family& family : families)
      for (Call& call : family.calls)
        if (call.name == name) return call;
    cr_assert_fail("accepted.def has %s, which table.def has not", name.c_str());
    std::abort();
  };
#define PL_FLAGS(call, parameter, refusal, ...) find(#call).parameters.push_back({#parameter, #refusal, {__VA_ARGS__}, false});
#define PL_VALUES(call, parameter, refusal, ...) find(#call).parameters.push_back({#parameter, #refusal, {__VA_ARGS__}, true});
#define PL_REFUSED(call, error, reason) find(#call).refused = #error, find(#call).why = reason;
#define PL_NOTE(call, text) find(#call).notes.push_back(text);
#include "syscall/accepted.def"
  return families;
}

// Linux's names of all calls of this architecture's table, by the header that programs are built with.
std::map<unsigned, std::string> all_of_linux() {
  std::map<unsigned, std::string> names;
  std::istringstream lines(content("/usr/riscv64-linux-gnu/include/asm-generic/unistd.h"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string define, name, number;
    words >> define >> name >> number;
    if (define != "#define" || number.empty() || number.find_first_not_of("0123456789") != number.npos) continue;
    const size_t prefix = name.starts_with("__NR3264_") ? 9 : name.starts_with("__NR_") ? 5 : 0;
    if (!prefix || name == "__NR_arch_specific_syscall" || name == "__NR_syscalls" || name.ends_with("_time32")) continue;
    // The variants of 32-bit machines.
    const unsigned n = unsigned(std::stoul(number));
    if (name.ends_with("64") && n >= 403 && n <= 423) continue;
    names[n] = name.substr(prefix);
  }
  return names;
}

std::string page() {
  std::ostringstream out;
  const auto families = supported();
  size_t count = 0;
  std::set<unsigned> there;
  for (const Family& family : families) {
    count += family.calls.size();
    for (const Call& call : family.calls) there.insert(call.number);
  }
  out << "# Supported system calls\n\n"
         "Made from `table.def`, which dispatches them, and `accepted.def`, whose masks their handlers check; a test compares. " << count << " calls.\n"
         "A call that is not here is ENOSYS, and the log names it once.\n\n"
         "*Takes*: of a parameter with a list, that and nothing else; a parameter without one is as in Linux' manual. The error behind the list is\n"
         "what anything else gets.\n";
  for (const Family& family : families) {
    if (family.calls.empty()) continue;
    out << "\n## " << family.title << "\n\n";
    std::string plain;
    const char* head = "| call | takes | else |\n| --- | --- | --- |\n";
    for (const Call& call : family.calls) {
      if (call.parameters.empty() && call.notes.empty() && call.refused.empty()) {
        plain += (plain.empty() ? "" : ", ") + ("`" + call.name + "`");
        continue;
      }
      std::string takes, otherwise;
      for (const Parameter& parameter : call.parameters) {
        takes += (takes.empty() ? "" : "<br>") + parameter.name + ":";
        if (parameter.names.empty()) takes += " 0";
        for (const Named& one : parameter.names) takes += std::string(" `") + one.name + "`";
        otherwise += (otherwise.empty() ? "" : "<br>") + parameter.refusal;
      }
      for (const std::string& note : call.notes) takes += (takes.empty() ? "" : "<br>") + note;
      if (!call.refused.empty()) takes = "always refused: " + call.why, otherwise = call.refused;
      out << std::exchange(head, "") << "| `" << call.name << "` | " << takes << " | " << otherwise << " |\n";
    }
    if (!plain.empty()) out << (*head ? "" : "\n") << "As in the manual: " << plain << ".\n";
  }
  out << "\n## Not there: ENOSYS\n\n";
  std::string absent;
  for (const auto& [number, name] : all_of_linux())
    if (!there.contains(number)) absent += (absent.empty() ? "" : ", ") + ("`" + name + "`");
  out << absent << ".\n";
  return out.str();
}

}  // namespace

Test(supported, the_page_says_what_the_table_has) {
  const std::string path = PL_SYSCALLS "/SUPPORTED.md", made = page();
  if (std::getenv("PL_WRITE")) std::ofstream(path) << made;
  cr_assert(content(path) == made, "libos/syscall/SUPPORTED.md is out of date: PL_WRITE=1 build/tests/libos-supported makes it anew");
}

Test(supported, no_number_or_name_is_there_twice) {
  std::set<unsigned> numbers;
  std::set<std::string> names;
  for (const Family& family : supported())
    for (const Call& call : family.calls) {
      cr_expect(numbers.insert(call.number).second, "%u", call.number);
      cr_expect(names.insert(call.name).second, "%s", call.name.c_str());
    }
}

Test(supported, the_names_and_numbers_are_linux_s) {
  const auto all = all_of_linux();
  // By its old name there, or younger than that header, or this architecture's own.
  const std::set<std::string> elsewhere = {"riscv_hwprobe", "riscv_flush_icache", "fchmodat2", "newfstatat", "fstat", "fadvise64", "umount2"};
  for (const Family& family : supported())
    for (const Call& call : family.calls) {
      auto found = all.find(call.number);
      if (found != all.end() && found->second == call.name) continue;
      cr_expect(elsewhere.contains(call.name), "%u is %s", call.number, found == all.end() ? "nothing" : found->second.c_str());
    }
}

// Whatever real programs were seen to use is there, or is on this list with the reason.
Test(supported, what_real_programs_use_is_there_or_has_a_reason) {
  const std::map<std::string, std::string> reasons = {
      {"riscv_hwprobe", "refused: see the page"},
      {"rseq", "refused: see the page"},
      {"fcntl F_SETOWN", "no descriptor raises SIGIO (libos/README.md, not yet)"},
      {"ioctl BTRFS_IOC_CLONE", "a copy is made instead"},
  };
  std::map<std::string, Call> calls;
  for (const Family& family : supported())
    for (const Call& call : family.calls) calls[call.name] = call;
  std::istringstream lines(content(PL_CENSUS));
  size_t seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string name, flag;
    words >> name;
    ++seen;
    auto call = calls.find(name);
    if (call == calls.end() || !call->second.refused.empty()) {
      cr_expect(reasons.contains(name), "%s is used, and not there", name.c_str());
      continue;
    }
    // A flag of a listed parameter, by the beginning of its name.
    while (words >> flag)
      for (const Parameter& parameter : call->second.parameters) {
        if (parameter.names.empty()) continue;
        const std::string first = parameter.names.back().name, prefix = first.substr(0, first.find('_') + 1);
        if (!flag.starts_with(prefix)) continue;
        bool listed = false;
        for (const Named& one : parameter.names) listed |= flag == one.name;
        // Zeroes, constants of other arguments, and combinations have no bit of their own.
        static const std::set<std::string> none = {"O_RDONLY", "AT_FDCWD", "AT_STATX_SYNC_AS_STAT", "PROT_NONE", "F_RDLCK", "F_WRLCK", "F_UNLCK", "F_OK",
                                                   "FUTEX_WAKE_PRIVATE", "FUTEX_WAIT_PRIVATE", "FUTEX_WAIT_BITSET_PRIVATE", "FUTEX_CLOCK_REALTIME",
                                                   "FUTEX_BITSET_MATCH_ANY", "CLOCK_REALTIME"};
        cr_expect(listed || none.contains(flag) || reasons.contains(name + " " + flag), "%s with %s is used, and not taken", name.c_str(), flag.c_str());
      }
  }
  cr_expect_gt(seen, 130);
}
