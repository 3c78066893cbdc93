// SPDX-License-Identifier: BSD-2-Clause
#include "run/options.h"

#include <criterion/criterion.h>

#include <vector>

using namespace pl;

namespace {

std::expected<RunOptions, OptionsStop> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "pl-run");
  return parse_run_options(static_cast<int>(words.size()), words.data());
}

void refused(std::vector<const char*> words, const char* because) {
  auto options = parse(std::move(words));
  cr_assert(!options.has_value());
  cr_assert_eq(options.error().status, 125);
  cr_assert(options.error().text.find(because) != std::string::npos, "%s", options.error().text.c_str());
}

}  // namespace

Test(options, end_at_the_program) {
  auto options = parse({"--shadow", "hello", "--shadow", "-e", "--", "--help"});
  cr_assert(options.has_value());
  cr_assert(options->shadow);
  cr_assert_eq(options->program, "hello");
  cr_assert_eq(options->arguments, (std::vector<std::string>{"--shadow", "-e", "--", "--help"}));
}

Test(options, two_dashes_end_them_too) {
  auto options = parse({"--", "-program", "--", "x"});
  cr_assert(options.has_value());
  cr_assert_eq(options->program, "-program");
  cr_assert_eq(options->arguments, (std::vector<std::string>{"--", "x"}));
}

Test(options, an_unknown_one_is_refused) {
  refused({"--nonsense", "hello"}, "unknown option --nonsense");
  refused({"-x"}, "unknown option -x");
}

Test(options, without_a_program_there_is_nothing_to_do) {
  refused({}, "no PROGRAM");
  refused({"--shadow"}, "no PROGRAM");
  refused({"-e", "hello"}, "no PROGRAM");
  refused({"--"}, "no PROGRAM");
}

Test(options, arguments_pass_as_they_are) {
  auto options = parse({"./a b", "", "[1,2]", "\"q\"", "%%", "a=b"});
  cr_assert(options.has_value());
  cr_assert_eq(options->program, "./a b");
  cr_assert_eq(options->arguments, (std::vector<std::string>{"", "[1,2]", "\"q\"", "%%", "a=b"}));
}

Test(options, variables_are_set_or_passed_on) {
  auto options = parse({"-e", "A=x y", "-e", "B", "--env", "C=", "-eD=[a,b]", "hello"});
  cr_assert(options.has_value());
  cr_assert_eq(options->variables.size(), 4);
  cr_assert_eq(options->variables[0].name, "A");
  cr_assert_eq(*options->variables[0].value, "x y");
  cr_assert(!options->variables[1].value.has_value());
  cr_assert_eq(*options->variables[2].value, "");
  cr_assert_eq(*options->variables[3].value, "[a,b]");
  refused({"-e", "=x", "hello"}, "expected NAME");
}

Test(options, mounts_have_a_host_path_a_guest_path_and_a_mode) {
  auto options = parse({"-v", "./data:/data:ro", "-v", "/x:y:/z/../w//", "hello"});
  cr_assert(options.has_value());
  cr_assert_eq(options->mounts.size(), 2);
  cr_assert_eq(options->mounts[0].host, "./data");
  cr_assert(options->mounts[0].read_only);
  cr_assert_eq(options->mounts[1].host, "/x:y");
  cr_assert_eq(options->mounts[1].guest, "/w");
  cr_assert(!options->mounts[1].read_only);
  refused({"-v", "/x", "hello"}, "HOST:GUEST");
  refused({"-v", ":/x", "hello"}, "HOST:GUEST");
  refused({"-v", "/x:y", "hello"}, "must be absolute");
  refused({"-v", "/x:/", "hello"}, "root directory");
  refused({"-v", "/a:/x", "-v", "/b:/x/", "hello"}, "already");
}

Test(options, users_are_numbers) {
  auto options = parse({"-u", "1000:100", "hello"});
  cr_assert_eq(options->user, 1000);
  cr_assert_eq(options->group, 100);
  cr_assert_eq(parse({"-u", "7", "hello"})->group, 0);
  for (const char* wrong : {"root", "1:", ":1", "-1", "4294967295", "1:2:3", "0x1"})
    refused({"-u", wrong, "hello"}, "expected UID");
}

Test(options, working_directories_are_absolute) {
  cr_assert_eq(parse({"-w", "/a/./b/../c/", "hello"})->directory, "/a/c");
  refused({"-w", "a", "hello"}, "absolute");
  refused({"-w", "/..", "hello"}, "absolute");
}

Test(options, the_last_of_several_counts) {
  cr_assert_eq(parse({"-w", "/a", "-w", "/b", "hello"})->directory, "/b");
}

Test(options, sizes_have_units) {
  cr_assert_eq(*parse_size("4096"), 4096);
  cr_assert_eq(*parse_size("64k"), 65536);
  cr_assert_eq(*parse_size("64M"), 64u << 20);
  cr_assert_eq(*parse_size("2g"), 2ull << 30);
  for (const char* wrong : {"", "m", "0", "-1", "1.5m", "1t", "99999999999g", "18446744073709551616"})
    cr_assert(!parse_size(wrong).has_value(), "%s", wrong);
}

Test(options, times_have_units) {
  cr_assert_eq(*parse_duration("10"), 10000);
  cr_assert_eq(*parse_duration("1.5s"), 1500);
  cr_assert_eq(*parse_duration("200ms"), 200);
  cr_assert_eq(*parse_duration("2m"), 120000);
  for (const char* wrong : {"", "s", "0", "-1", "1x", "nan", "inf", "1e400"})
    cr_assert(!parse_duration(wrong).has_value(), "%s", wrong);
}

Test(options, help_and_version_are_no_failures) {
  for (const char* word : {"--help", "-h", "--version"}) {
    auto options = parse({word, "hello"});
    cr_assert(!options.has_value());
    cr_assert_eq(options.error().status, 0);
    cr_assert(options.error().text.find("pl-run") != std::string::npos);
  }
}

Test(options, of_many_go_with_n) {
  auto options = parse({"--shadow", "-n", "1000", "-j", "8", "--fail-fast", "--output", "results", "hello"});
  cr_assert(options.has_value(), "%s", options.error().text.c_str());
  cr_assert_eq(options->count, 1000);
  cr_assert_eq(options->jobs, 8);
  cr_assert(options->fail_fast);
  refused({"-n", "0", "hello"}, "-n 0");
  refused({"-n", "many", "hello"}, "-n many");
  refused({"-j", "8", "hello"}, "go with -n");
  refused({"-t", "-n", "2", "hello"}, "-t");
  refused({"--strace", "-n", "2", "hello"}, "--strace");
}

Test(options, of_a_detached_instance) {
  auto options = parse({"-d", "--rm", "--name", "web_1", "hello"});
  cr_assert(options.has_value(), "%s", options.error().text.c_str());
  cr_assert(options->detached && options->remove);
  cr_assert_eq(options->name, "web_1");
  refused({"--rm", "hello"}, "-d");
  refused({"-d", "-i", "hello"}, "standard input");
  refused({"--name", "../x", "hello"}, "--name");
}

Test(options, of_a_template_are_those_that_decide_what_it_is) {
  const char* words[] = {"build", "-v", "/data:/d:ro", "--memory", "8m", "--name", "for people", "hello"};
  auto options = parse_run_options(8, words, LineOf::TemplateBuild);
  cr_assert(options.has_value(), "%s", options.error().text.c_str());
  cr_assert(options->shadow && options->mounts.size() == 1 && options->memory == 8 << 20);
  cr_assert_eq(options->template_name, "for people");
  const char* wrong[] = {"build", "-w", "/tmp", "hello"};
  cr_assert_eq(parse_run_options(4, wrong, LineOf::TemplateBuild).error().status, 2);
  const char* arguments[] = {"build", "hello", "x"};
  cr_assert_eq(parse_run_options(3, arguments, LineOf::TemplateBuild).error().status, 2);
}
