// SPDX-License-Identifier: BSD-2-Clause
#include "suite/options.h"

#include <CLI/CLI.hpp>
#include <charconv>

#ifndef PL_VERSION_STRING
#define PL_VERSION_STRING "development"
#endif

namespace pl::suite {
namespace {

constexpr int kWrongLine = 2;
constexpr uint64_t kTimeout = 60'000;  // milliseconds
constexpr uint32_t kJobsMax = 1000;

std::optional<uint32_t> parse_number(std::string_view text, uint32_t least, uint32_t most) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
  return value;
}

// "77", "2,4,5"; "" is none.
std::optional<std::set<int>> parse_statuses(std::string_view text) {
  std::set<int> statuses;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    auto status = parse_number(text.substr(0, end), 0, 255);
    if (!status) return std::nullopt;
    statuses.insert(static_cast<int>(*status));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return statuses;
}

}  // namespace

std::expected<SuiteOptions, OptionsStop> parse_suite_options(int argc, const char* const* argv) {
  SuiteOptions options;
  RunOptions& run = options.run;
  std::string user, timeout, memory, jobs, passing = "0", skipping = "77", shard;
  std::vector<std::string> variables;
  auto wrong = [](const std::string& what) {
    return std::unexpected(OptionsStop{kWrongLine, "pl-suite: " + what + "\nTry 'pl-suite --help'.\n"});
  };

  CLI::App app("Runs every executable below DIR as a test, each in a fork of one enclave, and prints TAP.", "pl-suite");
  app.set_version_flag("--version", std::string("pl-suite " PL_VERSION_STRING));
  app.footer(
      "Inside, DIR is at its own path, in an image whose every block is verified; what a test writes there it alone sees. A test\n"
      "starts in its own directory. Its exit status is its verdict.\n"
      "Exit status: 0 when all is as expected (without --expect: nothing failed), 1 when not, 2 a wrong command line,\n"
      "125 pl-suite itself failed, 128+n signal n ended it.");
  auto list = [&](const char* name, std::vector<std::string>& to, const char* help, const char* type) {
    app.add_option(name, to, help)->type_name(type)->allow_extra_args(false)->take_all();
  };
  app.add_option("DIR", options.directory, "Where the tests are, with what they need beside them")->required();
  app.add_option("-j,--jobs", jobs, "At most so many at once (default 8)")->type_name("N")->take_last();
  app.add_option("--timeout", timeout, "A test that takes longer fails: 10s, 500ms, 2m (default 60s)")->type_name("TIME")->take_last();
  app.add_option("--skip", skipping, "Exit statuses that mean: skipped (default 77)")->type_name("STATUS,...")->take_last();
  app.add_option("--pass", passing, "Exit statuses that mean: passed (default 0)")->type_name("STATUS,...")->take_last();
  list("-f,--filter", options.filters, "Only tests whose name (path below DIR) matches; again: or this", "GLOB");
  list("--exclude", options.excluded, "But not these", "GLOB");
  app.add_option("--shard", shard, "Of the tests so chosen, each N-th from the K-th on: 1/3, 2/3, 3/3")->type_name("K/N")->take_last();
  app.add_flag("--list", options.list, "Print the names of the tests, and run none");
  app.add_option("--expect", options.expectations, "What does not pass, or runs alone, and why: TOML, [fail], [skip], [unstable] and [alone], NAME = \"REASON\"")
      ->type_name("FILE")->take_last();
  app.add_option("--junit", options.junit, "Write the results as JUnit's XML, too")->type_name("FILE")->take_last();
  app.add_option("--json", options.json, "Write the results as JSON, too")->type_name("FILE")->take_last();
  app.add_flag("--native", options.native, "In no enclave, but on the Linux of the machine: the reference");
  app.add_option("-u,--user", user, "User and group inside (default 0:0)")->type_name("UID[:GID]")->take_last();
  app.add_option("-w,--workdir", options.working_directory, "Working directory inside, for all")->type_name("DIR")->take_last();
  list("-e,--env", variables, "Set an environment variable, or pass the caller's on", "NAME[=VALUE]");
  list("--env-file", run.variable_files, "Read environment variables from a file", "FILE");
  app.add_option("--memory", memory, "Most memory a test's enclave may hold: bytes, or with k, m, g")->type_name("SIZE")->take_last();
  app.add_option("--rootfs", run.rootfs, "The rest of the root inside is this directory's (default: what the tests are linked with)")
      ->type_name("DIR")->take_last();
  app.add_option("--sysroot", run.sysroot, "Interpreters and libraries of dynamic tests are below DIR")->type_name("DIR")->take_last();
  if (auto parsed = parse_line(app, argc, argv); !parsed) return parsed.error().status ? wrong(parsed.error().text) : std::unexpected(parsed.error());

  if (!user.empty() && !parse_user(user, run.user, run.group)) return wrong("-u " + user + ": expected UID or UID:GID as numbers");
  for (const std::string& text : variables) {
    auto variable = parse_variable(text);
    if (!variable) return wrong("-e " + text + ": expected NAME or NAME=VALUE");
    run.variables.push_back(std::move(*variable));
  }
  if (!options.working_directory.empty()) {
    auto directory = normalize_path(options.working_directory);
    if (!directory) return wrong("-w " + options.working_directory + ": expected an absolute path");
    options.working_directory = *directory;
  }
  run.timeout_milliseconds = kTimeout;
  if (!timeout.empty()) {
    auto time = parse_duration(timeout);
    if (!time) return wrong("--timeout " + timeout + ": expected a time such as 10s");
    run.timeout_milliseconds = *time;
  }
  if (!memory.empty()) {
    auto size = parse_size(memory);
    if (!size) return wrong("--memory " + memory + ": expected a size such as 64m");
    if (options.native) return wrong("--memory is a limit of enclaves; it does not go with --native");
    run.memory = *size;
  }
  if (!jobs.empty()) {
    auto number = parse_number(jobs, 1, kJobsMax);
    if (!number) return wrong("-j " + jobs + ": expected a number from 1 to " + std::to_string(kJobsMax));
    options.jobs = *number;
  }
  for (auto [text, statuses, name] : {std::tuple{&passing, &options.passing, "--pass"}, {&skipping, &options.skipping, "--skip"}}) {
    auto parsed = parse_statuses(*text);
    if (!parsed) return wrong(std::string(name) + " " + *text + ": expected exit statuses such as 77 or 4,5");
    *statuses = std::move(*parsed);
  }
  for (int status : options.skipping)
    if (options.passing.contains(status)) return wrong("status " + std::to_string(status) + " cannot mean both passed and skipped");
  if (!shard.empty()) {
    const size_t slash = shard.find('/');
    auto of = slash == shard.npos ? std::nullopt : parse_number(std::string_view(shard).substr(slash + 1), 1, UINT32_MAX);
    auto which = of ? parse_number(std::string_view(shard).substr(0, slash), 1, *of) : std::nullopt;
    if (!which) return wrong("--shard " + shard + ": expected K/N, K from 1 to N");
    options.shard = *which - 1;
    options.shards = *of;
  }
  if (!run.rootfs.empty() && !run.sysroot.empty()) return wrong("--sysroot: with --rootfs, everything else comes from that directory");
  return options;
}

}  // namespace pl::suite
