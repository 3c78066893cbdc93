// SPDX-License-Identifier: BSD-2-Clause
// Shadow points: where a template freezes, what its forks find there (libos/shadow/CONTRACT.md), and what no two of them share.
#include <criterion/criterion.h>

#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "command.h"

using e2e::program;
using e2e::shell;
using e2e::templates_named;

namespace {

std::string carrying(const std::string& point, const std::string& name) {
  return "./pl-run --shadow --shadow-at=" + point + " -e OF_TEMPLATE=t --instance-env OF_INSTANCE=i " + program(name) + " first second";
}
const std::string Carry = carrying("call", "shadow-carry");

std::string refuse(const std::string& what, const std::string& options = "") {
  return "./pl-run --shadow --shadow-at=call --shadow-args 1 " + options + " " + program("shadow-refuse") + " " + what;
}

void expect_line(const std::string& text, const std::string& part) {
  cr_expect(text.find(part) != std::string::npos, "'%s' is not in: %s", part.c_str(), text.c_str());
}

// What each of so many forks says; a line ends with a name and a value, whatever tells whose it is.
std::map<std::string, std::set<std::string>> of_many(size_t forks, const std::string& name, const std::string& options, const std::string& arguments) {
  auto all = shell("./pl-run --shadow " + options + " -n " + std::to_string(forks) + " " + program(name) + " " + arguments, {.seconds = 280});
  cr_expect_eq(all.status, 0, "%s%s", all.out.substr(0, 500).c_str(), all.err.substr(0, 500).c_str());
  std::map<std::string, std::set<std::string>> seen;
  std::istringstream lines(all.out);
  for (std::string line; std::getline(lines, line);) {
    size_t value = line.rfind(' '), name = value == line.npos ? line.npos : line.rfind(' ', value - 1);
    if (value != line.npos) seen[line.substr(name + 1, value - name - 1)].insert(line.substr(value + 1));
  }
  return seen;
}

constexpr size_t Forks = 1000;

void expect_unique(const std::string& options, const std::string& arguments, const std::string& program = "shadow-unique", size_t forks = Forks) {
  auto seen = of_many(forks, program, options, arguments);
  for (const char* name : {"getrandom", "urandom", "at_random", "uuid", "canary", "generation", "id"})
    cr_expect_eq(seen[name].size(), forks, "%s: %zu of %zu differ", name, seen[name].size(), forks);
  if (options.empty()) return;
  for (const char* name : {"at_program", "at_library", "at_stack", "at_heap"}) cr_expect_eq(seen[name].size(), 1u, "%s: %zu places", name, seen[name].size());
}

// What was before the point is there twice: two forks of one template, of which none sees what the other did.
void expect_carried(const std::string& point, const std::string& name) {
  for (int i = 0; i < 2; ++i) {
    auto run = shell(carrying(point, name));
    cr_expect_eq(run.status, 0, "%s: %s%s", name.c_str(), run.out.c_str(), run.err.c_str());
    cr_expect(run.out.starts_with("buffered before the point\n"), "each fork has what was in the buffer: %s", run.out.c_str());
  }
}

// "drbg" and "psa" are mbedTLS' two generators, seeded before the point; "session" is what client and server agreed on.
void expect_unique_sessions(size_t forks, const std::string& options, const std::string& arguments) {
  auto seen = of_many(forks, "shadow-tls", options, arguments);
  for (const char* name : {"drbg", "psa", "session"})
    cr_expect_eq(seen[name].size(), forks, "%s: %zu of %zu differ", name, seen[name].size(), forks);
}

}  // namespace

Test(points, no_two_of_a_thousand_forks_share_a_secret_at_entry, .timeout = 300) { expect_unique("", ""); }
Test(points, no_two_of_a_thousand_forks_share_a_secret_at_main, .timeout = 300) { expect_unique("--shadow-at=main", ""); }
Test(points, no_two_of_a_thousand_forks_share_a_secret_at_a_call, .timeout = 300) { expect_unique("--shadow-at=call --shadow-args 1", "call"); }

Test(points, no_two_of_a_thousand_forks_share_a_tls_session_key_at_entry, .timeout = 300) { expect_unique_sessions(Forks, "", ""); }
Test(points, no_two_of_a_thousand_forks_share_a_tls_session_key_at_main, .timeout = 300) { expect_unique_sessions(Forks, "--shadow-at=main", ""); }
Test(points, no_two_of_a_thousand_forks_share_a_tls_session_key_at_a_call, .timeout = 300) {
  expect_unique_sessions(Forks, "--shadow-at=call --shadow-args 1", "call");
}
Test(points, an_ephemeral_key_exchange_is_no_two_forks_either, .timeout = 300) {
  expect_unique_sessions(20, "--shadow-at=call --shadow-args 2", "call ephemeral");
}

// That those tests can fail, and why the contract says what a program with a generator of its own has to do.
Test(points, a_generator_that_is_not_reseeded_after_the_point_gives_all_forks_one_session_key, .timeout = 120) {
  auto seen = of_many(20, "shadow-tls", "--shadow-at=call --shadow-args 2", "call stale");
  cr_expect_eq(seen["drbg"].size(), 1);
  cr_expect_eq(seen["session"].size(), 1);
  cr_expect_eq(seen["psa"].size(), 20);
}
Test(points, a_generator_that_is_reseeded_when_the_generation_moves_does_not, .timeout = 120) {
  expect_unique_sessions(20, "--shadow-at=call --shadow-args 3", "call stale watched");
}

Test(points, main_is_found_in_musl_and_glibc_programs_and_gets_its_own_arguments, .timeout = 300) {
  e2e::Scratch scratch;
  const std::string pie = scratch.path() + "/pie";
  cr_assert_eq(shell("build/bin/pl-cc -O2 -static-pie apps/hello/hello.c -o " + pie).status, 0);
  for (const std::string& name : {std::string("hello"), std::string("hello-glibc"), pie})
    for (const char* argument : {"one", "two"}) {
      auto run = shell("./pl-run --shadow --shadow-at=main " + name + " " + argument);
      cr_expect_eq(run.status, 0, "%s: %s", name.c_str(), run.err.c_str());
      EXPECT_TEXT(run.out, std::string("Hello from an enclave.\nargument 1: ") + argument + "\n");
    }
}

Test(points, main_is_refused_by_name_where_start_up_code_does_not_hand_it_over, .timeout = 120) {
  e2e::Scratch scratch;
  scratch.write("bare.c", "void _start(void) { __asm__ volatile(\"li a0, 0; li a7, 93; ecall\"); }\n");
  const std::string bare = scratch.path() + "/bare";
  cr_assert_eq(shell("build/bin/pl-cc -nostdlib " + bare + ".c -o " + bare).status, 0);
  auto run = shell("./pl-run --shadow --shadow-at=main " + bare);
  cr_expect_eq(run.status, 125);
  expect_line(run.err, "shadow point main: not found in the start-up code of /bin/bare");
  expect_line(run.err, "a system call before main was handed over");
  cr_expect_eq(templates_named("bare"), 0);
}

Test(points, what_was_before_a_call_is_carried_as_the_contract_says, .timeout = 120) {
  for (const char* name : {"shadow-carry", "shadow-carry-musl", "shadow-carry-glibc"}) expect_carried("call", name);
}

Test(points, what_constructors_had_before_main_is_carried_as_the_contract_says, .timeout = 120) {
  for (const char* name : {"shadow-main", "shadow-main-musl", "shadow-main-glibc"}) expect_carried("main", name);
}

// Static ones have a thousand, above.
Test(points, no_two_forks_of_a_dynamic_program_share_a_secret_at_main_or_a_call, .timeout = 300) {
  constexpr size_t Few = 100;
  for (const char* name : {"shadow-unique-musl", "shadow-unique-glibc"}) {
    expect_unique("--shadow-at=main", "", name, Few);
    expect_unique("--shadow-at=call --shadow-args 1", "call", name, Few);
  }
}

Test(points, the_time_that_a_template_was_frozen_is_boottimes_alone, .timeout = 120) {
  auto frozen_for = [] {
    auto out = shell(Carry).out;
    auto at = out.find("frozen for ");
    cr_assert(at != std::string::npos, "%s", out.c_str());
    return std::atof(out.c_str() + at + 11);
  };
  double first = frozen_for();
  shell("sleep 2");
  double later = frozen_for();
  cr_expect(later - first > 1, "%f, then %f", first, later);
}

Test(points, the_environment_of_the_template_is_part_of_its_key_and_an_instances_own_is_not, .timeout = 120) {
  e2e::Scratch scratch;
  const std::string path = scratch.path() + scratch.path().substr(scratch.path().rfind('/')), name = path.substr(path.rfind('/') + 1);
  shell("cp " + program("environment") + " " + path);
  auto run = [&](const std::string& options) {
    auto result = shell("./pl-run --shadow --shadow-at=main " + options + " " + path);
    cr_expect_eq(result.status, 0, "%s", result.err.c_str());
    return result.out;
  };
  expect_line(run("-e A=1 --instance-env B=2"), "B=2");
  cr_expect_eq(templates_named(name), 1);
  auto changed = run("-e A=1 --instance-env B=3 --instance-env C=4 --instance-env A=5");
  for (const char* line : {"B=3", "C=4", "A=5"}) expect_line(changed, line);
  cr_expect(changed.find("B=2") == std::string::npos && changed.find("A=1") == std::string::npos, "%s", changed.c_str());
  cr_expect(changed.find("\n\n") == std::string::npos, "no empty variable is left: %s", changed.c_str());
  cr_expect_eq(templates_named(name), 1);
  run("-e A=2");
  cr_expect_eq(templates_named(name), 2);
  std::string many = "-e A=1";
  for (int i = 0; i < 33; ++i) many += " --instance-env V" + std::to_string(i) + "=x";
  auto too_many = shell("./pl-run --shadow --shadow-at=main " + many + " " + path);
  cr_expect_neq(too_many.status, 0);
  expect_line(too_many.err, "at this shadow point an instance may have");
  // More than the first stack has room for.
  const std::string large(20000, 'l');
  expect_line(run("-e A=1 --instance-env B=" + large), "B=" + large);
}

Test(points, what_cannot_be_carried_is_refused_by_name, .timeout = 120) {
  struct { const char *what, *line; } cases[] = {
      {"child", "shadow point: process 3 (shadow-refuse) is still there"},
      {"thread", "only the first thread of the first process can freeze"},
      {"execve", "execve comes after the point"},
      {"end", "ended with status 7 before it reached its shadow point, a call of pl_shadow_point() or a read of /dev/shadow"},
  };
  for (auto& c : cases) {
    auto run = shell(refuse(c.what));
    cr_expect_eq(run.status, 125, "%s: %d", c.what, run.status);
    expect_line(run.err, c.line);
  }
  auto ended = shell(refuse("ended-child"));
  cr_expect_eq(ended.status, 0, "%s", ended.err.c_str());
  EXPECT_TEXT(ended.out, "3\n");
}

Test(points, a_template_reads_neither_standard_input_nor_a_host_directory, .timeout = 120) {
  e2e::Scratch scratch;
  scratch.write("file", "secret");
  auto input = shell(refuse("input"), {.input = "zz"});
  cr_expect_eq(input.status, 0);
  EXPECT_TEXT(input.out, "1\n");  // after the point it is there
  expect_line(input.err, "before its shadow point a program cannot read standard input (EPERM)");
  expect_line(input.err, "Operation not permitted");  // the program's own word of before the point
  auto mount = shell(refuse("mount", "-v " + scratch.path() + ":/mounted:ro"));
  cr_expect_eq(mount.status, 0);
  EXPECT_TEXT(mount.out, "1\n");
  expect_line(mount.err, "before its shadow point a program cannot use a directory of the host (EPERM)");
}

Test(points, a_point_is_nothing_where_there_is_nothing_to_freeze, .timeout = 120) {
  for (const char* options : {"", "--shadow", "--shadow --shadow-at=main"}) {
    auto run = shell(std::string("./pl-run ") + options + " " + program("shadow-unique") + " call");
    cr_expect_eq(run.status, 1);
    EXPECT_TEXT(run.out, "point 0\n");
  }
}

Test(points, a_shell_script_freezes_by_reading_the_device, .timeout = 120) {
  // The script is the template's, by --shadow-args; what follows is each run's own.
  const std::string command = "./pl-run --shadow --shadow-at=call --shadow-args 3 " PL_BUSYBOX " sh -c 'n=warm; read -r frozen < /dev/shadow; "
                              "tr \"\\\\0\" \" \" < /proc/self/cmdline > /dev/null; echo $n $frozen' x ";
  for (const char* argument : {"one", "two"}) {
    auto run = shell(command + argument);
    cr_expect_eq(run.status, 0, "%s", run.err.c_str());
    EXPECT_TEXT(run.out, "warm frozen 1\n");
  }
}

Test(points, the_user_is_the_templates_and_directory_and_umask_are_the_instances, .timeout = 120) {
  auto run = [](const std::string& mask, const std::string& options) {
    auto result = shell("umask " + mask + "; ./pl-run --shadow --shadow-at=call --shadow-args 3 " + options + " " PL_BUSYBOX
                        " sh -c 'read -r frozen < /dev/shadow; id -u; id -g; readlink /proc/self/cwd; umask' x");
    cr_expect_eq(result.status, 0, "%s", result.err.c_str());
    return result.out;
  };
  EXPECT_TEXT(run("022", "-u 7:8 -w /tmp"), "7\n8\n/tmp\n0022\n");
  EXPECT_TEXT(run("027", "-u 7:8 -w /dev"), "7\n8\n/dev\n0027\n");
  EXPECT_TEXT(run("022", "-u 9"), "9\n0\n/\n0022\n");
}

Test(points, siblings_share_their_layout_at_a_point_and_not_at_entry, .timeout = 120) {
  auto stack = [](const std::string& options, const std::string& first) {
    auto result = shell("./pl-run --shadow " + options + " " PL_BUSYBOX " sh -c '" + first +
                        "while read -r range rest; do case $rest in *stack*) echo $range;; esac; done < /proc/self/maps' x");
    cr_expect(result.out.size() > 20, "%s%s", result.out.c_str(), result.err.c_str());
    return result.out;
  };
  const std::string call = "--shadow-at=call --shadow-args 3", freeze = "read -r frozen < /dev/shadow; ";
  EXPECT_TEXT(stack(call, freeze), stack(call, freeze));
  cr_expect(stack("", "") != stack("", ""));
}

Test(points, a_canary_in_too_many_frames_is_shared_and_said_to_be, .timeout = 120) {
  e2e::Scratch scratch;
  scratch.write("deep.c",
                "#include <penglai/shadow.h>\n#include <stdio.h>\nextern int deeper(int n);\n"
                "int deeper(int n) { volatile char here[16]; here[0] = (char)n; if (!n) return pl_shadow_point(); return deeper(n - 1) + here[0] - (char)n; }\n"
                "int main(void) { printf(\"point %d\\n\", deeper(20)); return 0; }\n");
  const std::string deep = scratch.path() + "/deep";
  auto built = shell("build/bin/pl-cc -O0 -fstack-protector-all " + deep + ".c -o " + deep);
  cr_assert_eq(built.status, 0, "%s", built.err.c_str());
  auto run = shell("./pl-run --shadow --shadow-at=call " + deep);
  EXPECT_TEXT(run.out, "point 1\n");
  expect_line(run.err, "places: forks share it");
}

Test(points, a_fork_does_not_warm_up_again, .timeout = 120) {
  auto first = shell("./pl-run --shadow --shadow-at=call warm-table 17 4711 999999999");
  EXPECT_TEXT(first.out, "17 row-17\n4711 row-4711\n999999999 -\n");
  // Whoever parses the table writes all its pages.
  auto pages = [](const std::string& command) {
    auto run = shell("./pl-run --stats " + command + " 5");
    auto at = run.err.find("bytes (");
    cr_assert(at != std::string::npos, "%s", run.err.c_str());
    return std::atol(run.err.c_str() + at + 7);
  };
  long cold = pages("warm-table"), fork = pages("--shadow --shadow-at=call warm-table");
  cr_expect(cold > 1500 && fork > 0 && fork < 40, "cold %ld pages, fork %ld", cold, fork);
}

Test(points, options_say_what_is_wrong_with_them) {
  for (auto [options, line] : {std::pair("--shadow --shadow-at=nowhere", "expected entry, main, call or boot"), std::pair("--shadow-at=main", "--shadow-at is for --shadow"),
                               std::pair("--shadow --shadow-args 1", "--shadow-args is for --shadow-at main or call")}) {
    auto run = shell(std::string("./pl-run ") + options + " hello x");
    cr_expect_eq(run.status, 125);
    expect_line(run.err, line);
  }
}
