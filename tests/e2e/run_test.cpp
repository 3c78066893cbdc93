// SPDX-License-Identifier: BSD-2-Clause
// pl-run as a program: what it passes on, what it answers, what it refuses.
#include <criterion/criterion.h>

#include <filesystem>

#include "command.h"

using e2e::shell;

#define EXPECT_RUN(result, wanted_status, wanted_out)                                                             \
  cr_expect((result).status == (wanted_status) && (result).out == (wanted_out), "status %d, out '%s', err '%s'", \
            (result).status, (result).out.substr(0, 300).c_str(), (result).err.substr(0, 600).c_str())

Test(run, the_first_command_of_the_readme_greets_from_a_fork) {
  auto first = shell("./pl-run --shadow hello", {.seconds = 300});
  cr_expect_eq(first.status, 0, "%s", first.err.c_str());
  cr_expect(first.out.find("Hello") != std::string::npos, "%s", first.out.c_str());
  auto again = shell("./pl-run --shadow hello again");
  cr_expect_eq(again.status, 0, "%s", again.err.c_str());
  cr_expect(again.out.find("again") != std::string::npos, "%s", again.out.c_str());
}

Test(run, a_cold_enclave_answers_as_a_forked_one_does) {
  auto cold = shell("./pl-run hello one two");
  auto forked = shell("./pl-run --shadow hello one two");
  cr_expect_eq(cold.status, 0, "%s", cold.err.c_str());
  cr_expect_str_eq(cold.out.c_str(), forked.out.c_str());
}

Test(run, a_static_glibc_program_runs_cold_and_forked) {
  for (const char* how : {"", "--shadow "}) {
    auto result = shell(std::string("./pl-run ") + how + "hello-glibc");
    cr_expect_eq(result.status, 0, "%s%s", how, result.err.c_str());
    cr_expect(result.out.find("Hello") != std::string::npos, "%s", result.out.c_str());
  }
}

Test(run, arguments_arrive_as_they_were_given) {
  auto result = shell("./pl-run --shadow " + e2e::program("echo-arguments") + " '' 'a b' --help -v \"$(printf 'x\\ny')\"");
  EXPECT_RUN(result, 0, "[][a b][--help][-v][x\ny]");
}

Test(run, options_end_at_two_dashes) {
  auto result = shell("./pl-run --shadow -- " + e2e::program("echo-arguments") + " -- x");
  EXPECT_RUN(result, 0, "[--][x]");
}

Test(run, the_environment_is_what_dash_e_says_and_nothing_of_the_host) {
  auto result = shell("SECRET=1 PASSED=yes ./pl-run --shadow -e A=1 -e PASSED -e 'B=two words' " + e2e::program("environment"));
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  cr_expect(result.out.find("A=1\n") != std::string::npos, "%s", result.out.c_str());
  cr_expect(result.out.find("PASSED=yes\n") != std::string::npos, "%s", result.out.c_str());
  cr_expect(result.out.find("B=two words\n") != std::string::npos, "%s", result.out.c_str());
  cr_expect(result.out.find("SECRET") == std::string::npos, "%s", result.out.c_str());
}

Test(run, a_loader_variable_is_not_taken_from_the_host) {
  auto result = shell("./pl-run --shadow -e LD_PRELOAD=/x -e GLIBC_TUNABLES=a=b " + e2e::program("environment"));
  cr_expect(result.out.find("LD_PRELOAD") == std::string::npos, "%s", result.out.c_str());
  cr_expect(result.out.find("GLIBC_TUNABLES") == std::string::npos, "%s", result.out.c_str());
}

Test(run, the_working_directory_is_the_root_or_what_dash_w_says) {
  EXPECT_RUN(shell("./pl-run --shadow " + e2e::program("working-directory")), 0, "/\n");
  EXPECT_RUN(shell("./pl-run --shadow -w /tmp " + e2e::program("working-directory")), 0, "/tmp\n");
}

Test(run, the_exit_status_is_the_programs) {
  EXPECT_RUN(shell("./pl-run --shadow " + e2e::program("exit-with") + " 0"), 0, "");
  EXPECT_RUN(shell("./pl-run --shadow " + e2e::program("exit-with") + " 7"), 7, "");
  EXPECT_RUN(shell("./pl-run " + e2e::program("exit-with") + " 255"), 255, "");
}

Test(run, a_death_by_signal_is_128_and_its_number) {
  EXPECT_RUN(shell("./pl-run --shadow " + e2e::program("exit-with") + " signal 6"), 134, "");
  EXPECT_RUN(shell("./pl-run --shadow " + e2e::program("exit-with") + " signal 9"), 137, "");
  EXPECT_RUN(shell("./pl-run --shadow " + e2e::program("exit-with") + " fault"), 139, "");
}

Test(run, what_goes_wrong_in_one_instance_ends_that_one_alone) {
  e2e::Background sibling("./pl-run --shadow " + e2e::program("cat"));
  sibling.type("before\n");
  cr_assert(sibling.wait_for("before\n"));
  EXPECT_RUN(shell("./pl-run --shadow " + e2e::program("exit-with") + " illegal"), 132, "");
  EXPECT_RUN(shell("./pl-run --shadow " + e2e::program("exit-with") + " overflow"), 139, "");
  EXPECT_RUN(shell("./pl-run " + e2e::program("exit-with") + " overflow"), 139, "");
  auto starved = shell("./pl-run --shadow --memory 4M " + e2e::program("exit-with") + " memory");
  cr_expect_eq(starved.status, 137, "%s", starved.err.c_str());
  cr_expect(starved.err.find("memory") != std::string::npos, "%s", starved.err.c_str());
  sibling.type("after\n");
  cr_expect(sibling.wait_for("after\n"));
}

Test(run, what_cannot_run_is_said_in_one_line) {
  e2e::Scratch scratch;
  struct Case { std::string path; int status; const char* word; };
  std::string elf = e2e::shell("cat " + e2e::program("exit-with")).out;
  std::string foreign = elf;
  foreign[18] = 62;  // e_machine: x86-64
  foreign[19] = 0;
  std::string bad_header = elf;
  for (size_t i = 32; i < 40; ++i) bad_header[i] = char(0xff);  // e_phoff
  Case cases[] = {
      {scratch.path() + "/missing", 127, "missing"},
      {scratch.path(), 126, "directory"},
      {scratch.write("not-executable", elf, 0644), 126, "ermission"},
      {scratch.write("script", "#!/bin/sh\necho x\n", 0755), 126, "script"},
      {scratch.write("foreign", foreign, 0755), 126, "x86-64"},
      {scratch.write("truncated", elf.substr(0, elf.size() / 3), 0755), 126, "truncated"},
      {scratch.write("stub", elf.substr(0, 20), 0755), 126, "ELF"},
      {scratch.write("empty", "", 0755), 126, "ELF"},
      {scratch.write("malformed", bad_header, 0755), 126, "malformed"},
      {"no-such-example", 127, "no-such-example"},
  };
  for (auto& c : cases) {
    auto result = shell("./pl-run --shadow " + c.path);
    cr_expect_eq(result.status, c.status, "%s: status %d, %s", c.path.c_str(), result.status, result.err.c_str());
    cr_expect(result.err.find(c.word) != std::string::npos, "%s: %s", c.path.c_str(), result.err.c_str());
    cr_expect_eq(std::count(result.err.begin(), result.err.end(), '\n'), 1, "%s: %s", c.path.c_str(), result.err.c_str());
    cr_expect_str_empty(result.out.c_str());
  }
}

Test(run, a_wrong_option_is_our_own_failure) {
  auto result = shell("./pl-run --no-such-option hello");
  cr_expect_eq(result.status, 125, "%d %s", result.status, result.err.c_str());
  cr_expect(result.err.find("--help") != std::string::npos, "%s", result.err.c_str());
  cr_expect_eq(shell("./pl-run").status, 125);
}

Test(run, help_is_there_for_every_command) {
  for (const char* command : {"./pl-run --help", "build/bin/pl-run --help", "build/bin/pl-machine --help", "build/bin/pl-template --help",
                              "build/bin/pl-bench --help", "build/bin/pl-cc --help", "./pl-test --help"}) {
    auto result = shell(command);
    cr_expect_eq(result.status, 0, "%s: %s", command, result.err.c_str());
    cr_expect(result.out.find("sage") != std::string::npos || result.out.find("SAGE") != std::string::npos, "%s: %s", command, result.out.c_str());
  }
}

Test(run, strace_prints_the_calls_that_were_asked_for_in_a_debug_enclave) {
  auto all = shell("./pl-run --strace hello");
  cr_expect_eq(all.status, 0);
  EXPECT_TEXT(all.out, "Hello from an enclave.\n");
  for (const char* part : {"pl-run: a debug enclave", "set_tid_address(0x", "writev(1, [{iov_base=\"Hello from an enclave.\", iov_len=22}, {iov_base=\"\\n\", iov_len=1}], 2) = 23\n", "exit_group(0)                           = ?\n", "+++ exited with 0 +++\n"})
    cr_expect(all.err.find(part) != std::string::npos, "%s\n%s", part, all.err.c_str());
  auto set = shell("./pl-run --shadow --strace=%file " + e2e::program("cat") + " /nowhere");
  cr_expect(set.err.find("openat(AT_FDCWD, \"/nowhere\", O_RDONLY|O_LARGEFILE) = -1 ENOENT (No such file or directory)\n") != std::string::npos, "%s", set.err.c_str());
  cr_expect(set.err.find("exit_group") == std::string::npos, "%s", set.err.c_str());
  auto structures = shell("./pl-run --strace=wait4,nanosleep,pipe2 " + e2e::program("processes"));
  for (const char* part : {"[{WIFEXITED(s) && WEXITSTATUS(s) == 42}], 0, NULL) = ", "[{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV}], 0, NULL) = ", "pipe2([3, 4], 0)"})
    cr_expect(structures.err.find(part) != std::string::npos, "%s\n%s", part, structures.err.c_str());
  EXPECT_RUN(shell("./pl-run --strace=nonsense hello 2>/dev/null"), 125, "");
  cr_expect(shell("./pl-run hello").err.find("debug") == std::string::npos);
}

Test(run, strace_writes_its_lines_to_a_file_with_the_number_of_each_thread) {
  e2e::Scratch scratch;
  EXPECT_RUN(shell("./pl-run --strace=write,writev,exit_group -o " + scratch.path() + "/calls hello"), 0, "Hello from an enclave.\n");
  auto calls = shell("cat " + scratch.path() + "/calls");
  EXPECT_TEXT(calls.out, "2     writev(1, [{iov_base=\"Hello from an enclave.\", iov_len=22}, {iov_base=\"\\n\", iov_len=1}], 2) = 23\n"
                         "2     exit_group(0)                     = ?\n2     +++ exited with 0 +++\n");
  cr_expect_eq(shell("./pl-run -o calls hello").status, 125);
  cr_expect_eq(shell("./pl-run --strace -o /nowhere/calls hello").status, 125);
}

Test(run, strace_prints_what_strace_does_on_linux_of_the_same_program) {
  const auto difference = shell("tests/e2e/strace.sh build");
  cr_expect_eq(difference.status, 0, "< Linux, > enclave\n%s%s", difference.out.c_str(), difference.err.c_str());
}
