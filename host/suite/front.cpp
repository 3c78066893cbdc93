// SPDX-License-Identifier: BSD-2-Clause
// pl-suite, on the development machine: finds the tests, makes the root that they see, has them run in the machine, and reports.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "machine/client/session.h"
#include "root/build.h"
#include "root/tool.h"
#include "run/environment.h"
#include "suite/find.h"
#include "suite/report.h"
#include "suite/root.h"

namespace pl::suite {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kJobs = 8;
constexpr int kNotAsExpected = 1, kOurFailure = 125;

int complain(const std::string& what) {
  fmt::print(stderr, "pl-suite: {}\n", what);
  return kOurFailure;
}

volatile sig_atomic_t ended_by = 0;

// The part in the machine, as a child of ours with pipes for standard input and output: it is told of a terminal's keys as we are.
class Machine {
 public:
  std::expected<void, std::string> start(const std::string& plan);
  // An outcome a line; false at the end.
  bool read_line(std::string& line);
  int wait();

 private:
  pid_t child_ = -1;
  FILE* results_ = nullptr;
};

std::expected<void, std::string> Machine::start(const std::string& plan) {
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0) return std::unexpected(std::string("pipe: ") + std::strerror(errno));
  std::fflush(stdout);
  const pid_t parent = getpid();
  child_ = fork();
  if (child_ < 0) return std::unexpected(std::string("fork: ") + std::strerror(errno));
  if (child_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(kOurFailure);
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    close(to[1]);
    close(from[0]);
    _exit(machine::run_in_machine({"pl-suite", {"/usr/bin/pl-suite"}, machine::forwarded_environment()}));
  }
  close(to[0]);
  close(from[1]);
  signal(SIGPIPE, SIG_IGN);
  // The machine's part answers nothing before it has the whole plan.
  for (size_t done = 0; done < plan.size();) {
    const ssize_t wrote = write(to[1], plan.data() + done, plan.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;  // why it is gone, it says itself
    done += static_cast<size_t>(wrote);
  }
  close(to[1]);
  results_ = fdopen(from[0], "r");
  // A key of the terminal reaches the child too; a signal for us alone is handed on.
  struct sigaction action{};
  static pid_t target;
  target = child_;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  action.sa_sigaction = [](int number, siginfo_t* info, void*) {
    ended_by = number;
    if (info->si_code != SI_KERNEL) kill(target, number);
  };
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaction(number, &action, nullptr);
  return {};
}

bool Machine::read_line(std::string& line) {
  char* buffer = nullptr;
  size_t size = 0;
  const ssize_t got = getline(&buffer, &size, results_);
  if (got > 0) line.assign(buffer, static_cast<size_t>(got));
  std::free(buffer);
  return got > 0;
}

int Machine::wait() {
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
}

std::expected<Plan, std::string> make_plan(const SuiteOptions& options, const fs::path& top, const std::vector<std::string>& tests) {
  Plan plan;
  plan.native = options.native;
  for (const std::string& test : tests) plan.tests.push_back((top / test).native());
  auto files = HostFiles::from_environment();
  if (!files) return std::unexpected(std::string("/: ") + std::strerror(files.error()));
  auto variables = build_environment(options.run, *files, false);
  if (!variables) return std::unexpected(variables.error().message);
  plan.environment = std::move(*variables);
  plan.directory = options.working_directory;
  plan.user = options.run.user;
  plan.group = options.run.group;
  plan.jobs = options.jobs ? options.jobs : kJobs;
  plan.memory = options.run.memory;
  plan.timeout_milliseconds = options.run.timeout_milliseconds;
  return plan;
}

// Runs what is planned. The status to exit with, if it is not the report's to say.
std::expected<std::optional<int>, std::string> run_tests(const Plan& plan, Report& report) {
  Machine machine;
  if (auto started = machine.start(to_text(plan)); !started) return std::unexpected(started.error());
  std::string line;
  while (machine.read_line(line)) {
    auto outcome = outcome_from(line);
    if (!outcome || outcome->test >= plan.tests.size()) return std::unexpected("the machine's answer cannot be read: " + line);
    report.add(*outcome);
  }
  const int status = machine.wait();
  if (ended_by) {
    report.bail_out(fmt::format("interrupted by SIG{}", sigabbrev_np(ended_by)));
    return kSignalBase + ended_by;
  }
  if (status) {
    report.bail_out("the machine did not run them all");
    return kOurFailure;
  }
  return std::nullopt;
}

int run(const SuiteOptions& options) {
  std::error_code error;
  const fs::path top = fs::canonical(options.directory, error);
  if (error || !fs::is_directory(top)) return complain(options.directory + ": " + (error ? error.message() : "not a directory"));
  auto all = find_tests(top);
  if (!all) return complain(all.error());
  std::vector<std::string> tests = choose(*all, options);
  if (options.list) {
    for (const std::string& test : tests) fmt::print("{}\n", test);
    return 0;
  }
  if (tests.empty()) return complain(options.directory + (all->empty() ? ": no executable is below it" : ": no test is chosen"));

  std::optional<Expectations> expectations;
  if (!options.expectations.empty()) {
    auto read = Expectations::read(options.expectations);
    if (!read) return complain(read.error());
    expectations = std::move(*read);
    for (const std::string& name : expectations->strangers(*all))
      return complain(fmt::format("--expect {}: {} is no test below {}", options.expectations, name, options.directory));
  }
  const auto alone = std::ranges::stable_partition(tests, [&](const std::string& test) { return !expectations || !expectations->alone(test); });

  fs::path base;
  if (!options.run.rootfs.empty()) {
    base = fs::canonical(options.run.rootfs, error);
    if (error || !fs::is_directory(base)) return complain("--rootfs " + options.run.rootfs + ": " + (error ? error.message() : "not a directory"));
  }
  const std::string sysroots = options.run.sysroot.empty() ? machine::sysroots() : fs::absolute(options.run.sysroot).string();
  auto make_root = [&] { return Root::make(top, *all, base, sysroots); };
  auto root = make_root();
  if (!root) return complain(root.error());
  auto plan = make_plan(options, top, tests);
  if (!plan) return complain(plan.error());

  std::optional<WorkDirectory> work;
  auto lay_out = [&]() -> std::expected<fs::path, std::string> {
    auto made = WorkDirectory::create(cache_directory() / "suites");
    if (!made) return std::unexpected(made.error());
    work.emplace(std::move(*made));
    if (auto laid = root->lay_out(work->path()); !laid) return std::unexpected(laid.error());
    return work->path();
  };
  std::expected<fs::path, std::string> shown;
  if (options.native) {
    shown = lay_out();
  } else {
    const std::string use = base.empty() ? " as a suite" : " as a suite in " + base.string();
    auto fingerprint = [&]() -> std::expected<Digest, std::string> {
      auto now = make_root();
      return now ? now->fingerprint() : std::unexpected(now.error());
    };
    shown = kept_image(top, use, fingerprint, [&](const fs::path& image) -> std::expected<void, std::string> {
      auto laid = lay_out();
      return laid ? build_image(*laid, image, Owners::Root) : std::unexpected(laid.error());
    });
  }
  if (!shown) return complain(shown.error());
  plan->root = *shown;
  plan->together = tests.size() - alone.size();

  Report report(options, tests, expectations ? &*expectations : nullptr);
  auto ended = run_tests(*plan, report);
  if (!ended) return complain(ended.error());
  if (auto finished = report.finish(); !finished) return complain(finished.error());
  return ended->value_or(report.good() ? 0 : kNotAsExpected);
}

}  // namespace
}  // namespace pl::suite

int main(int argc, char** argv) {
  auto options = pl::suite::parse_suite_options(argc, argv);
  if (options) return pl::suite::run(*options);
  std::fputs(options.error().text.c_str(), options.error().status ? stderr : stdout);
  return options.error().status;
}
