// SPDX-License-Identifier: BSD-2-Clause
// pl-bench, inside the machine: which figures there are.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "bench/counter.h"
#include "bench/crowd.h"
#include "bench/explain.h"
#include "bench/laboratory.h"
#include "bench/options.h"
#include "bench/rooted.h"
#include "bench/table.h"

namespace pl::bench {
namespace {

constexpr int kRounds = 9;
constexpr unsigned kInARow = 1000, kTurns = 10;
constexpr unsigned kAtOnce = 10000;
constexpr const char* kInstructions = "instructions";
constexpr const char* kDatabase = "/tmp/speedtest.db";  // a tmpfs on both sides
const std::vector<std::string> kSpeedtest = {"--size", "5", "--verify", kDatabase};

// A service that loads a lot before it can answer. Started, it has answered and leaves as a forked worker does; run, it ends as Python ends,
// which takes apart all that was loaded.
const std::string kPythonAnswer = R"py(import json, os, re, sqlite3
try: open("/dev/shadow").read()
except OSError: pass
base = sqlite3.connect(":memory:")
base.execute("create table words (word text)")
base.executemany("insert into words values (?)", [(word,) for word in re.findall("[a-z]+", "an answer to a small question")])
print(json.dumps(base.execute("select word, length(word) from words order by word").fetchall()), flush=True)
)py";
const Command kPythonRun = {"/usr/bin/python3", "-c", kPythonAnswer}, kPythonStart = {"/usr/bin/python3", "-c", kPythonAnswer + "os._exit(0)\n"};

struct Bench {
  Laboratory laboratory;
  std::string programs;
  std::string python;              // an image that has it, without ".img"; empty: none
  std::vector<std::string> asked;  // rows by name; empty: all
  std::vector<Row> rows;

  // The median of several runs, after one that warms up.
  static OrFailure<double> repeat(const std::function<OrFailure<double>()>& once, int rounds = kRounds) {
    std::vector<double> values;
    for (int round = -1; round < rounds; ++round) {
      auto value = once();
      if (!value) return value;
      if (round >= 0) values.push_back(*value);
    }
    return median(values);
  }

  static OrFailure<double> cost(OrFailure<Measured> run) {
    if (!run) return std::unexpected(run.error());
    if (run->status != 0) return failure(kOwnFailure, fmt::format("the measured program ended with status {}: {}", run->status, run->output));
    return static_cast<double>(run->instructions);
  }

  // What bench-first wrote is the counter at its first instruction.
  static OrFailure<double> to_first(OrFailure<Measured> run) {
    if (!run) return std::unexpected(run.error());
    uint64_t counter = 0;
    if (run->output.size() != sizeof counter) return failure(kOwnFailure, "bench-first wrote " + run->output);
    std::memcpy(&counter, run->output.data(), sizeof counter);
    return static_cast<double>(counter - run->started);
  }

  // What bench-calls printed.
  static OrFailure<double> printed(OrFailure<Measured> run) {
    if (!run) return std::unexpected(run.error());
    char* end = nullptr;
    const double value = std::strtod(run->output.c_str(), &end);
    if (run->status != 0 || end == run->output.c_str()) return failure(kOwnFailure, fmt::format("the program: status {}: {}", run->status, run->output));
    return value;
  }

  // A run of SQLite's speedtest1. What all its queries returned has one digest, which has to be the same on both sides.
  OrFailure<double> speedtest(OrFailure<Measured> run) {
    auto instructions = cost(run);
    if (!instructions) return instructions;
    const size_t at = run->output.find(kVerified);
    if (at == std::string::npos) return failure(kOwnFailure, "speedtest1 verified nothing: " + run->output);
    std::string results = run->output.substr(at, run->output.find('\n', at) - at);
    if (!query_results.empty() && results != query_results) return failure(kOwnFailure, fmt::format("'{}' in an enclave, '{}' on Linux", query_results, results));
    query_results = std::move(results);
    return instructions;
  }
  static constexpr std::string_view kVerified = "Verification Hash: ";
  std::string query_results = {};

  // The program's answer, which is the same on both sides.
  OrFailure<double> answered(OrFailure<Measured> run) {
    auto instructions = cost(run);
    if (!instructions) return instructions;
    if (!python_answer.empty() && run->output != python_answer) return failure(kOwnFailure, fmt::format("'{}' instead of '{}'", run->output, python_answer));
    python_answer = run->output;
    return instructions;
  }
  std::string python_answer = {};

  OrFailure<void> add(const std::string& name, const char* unit, const std::function<OrFailure<double>()>& enclave,
                      const std::function<OrFailure<double>()>& linux_figure = nullptr, std::string note = {}) {
    fmt::print(stderr, "\r\033[Kpl-bench: {}", name);
    Row row{name, unit, std::nullopt, std::nullopt, std::move(note)};
    auto inside = enclave();
    if (!inside) return std::unexpected(Failure{inside.error().status, fmt::format("{}: {}", name, inside.error().message)});
    row.enclave = *inside;
    if (linux_figure) {
      auto outside = linux_figure();
      if (!outside) return std::unexpected(Failure{outside.error().status, fmt::format("{} (Linux): {}", name, outside.error().message)});
      row.linux_figure = *outside;
    }
    rows.push_back(std::move(row));
    return {};
  }

  bool wanted(const std::string& name, bool asked_only = false) const {
    return asked.empty() ? !asked_only : std::ranges::find(asked, name) != asked.end();
  }

  // A thousand one after another, instances and processes.
  OrFailure<void> add_in_a_row() {
    auto measured = [&](auto run) {
      return [this, run]() -> OrFailure<double> {
        if (auto warm = run(laboratory, "bench-hello", kInARow / kTurns); !warm) return std::unexpected(warm.error());
        auto spent = run(laboratory, "bench-hello", kInARow);
        if (!spent) return std::unexpected(spent.error());
        return static_cast<double>(spent->instructions);
      };
    };
    return add("spawn_1000", kInstructions, measured(instances_in_a_row), measured(processes_in_a_row));
  }

  // The same by the clock. Instances and processes take turns, so that what else the machine does is in both, and the median round
  // speaks for all: what happens in one does not count.
  OrFailure<void> add_in_turn() {
    const auto run_of = {instances_in_a_row, processes_in_a_row};
    std::vector<double> spent[2];
    for (unsigned round = 0; round <= kTurns; ++round) {
      fmt::print(stderr, "\r\033[Kpl-bench: spawn_1000, round {} of {}", round, kTurns);
      for (auto [run, all] = std::pair(run_of.begin(), spent); run != run_of.end(); ++run, ++all) {
        auto one = (*run)(laboratory, "bench-hello", kInARow / kTurns);
        if (!one) return std::unexpected(one.error());
        if (round > 0) all->push_back(static_cast<double>(one->nanoseconds));  // the first warms up
      }
    }
    for (auto& all : spent) std::ranges::nth_element(all, all.begin() + kTurns / 2);
    rows.push_back({"spawn_1000", "nanoseconds", spent[0][kTurns / 2] * kTurns, spent[1][kTurns / 2] * kTurns, {}});
    return {};
  }

  // Ten thousand at once. `seconds`: from the first start to the last end.
  OrFailure<void> add_at_once(double& seconds) {
    Crowd crowd;
    auto alive = add("instances_alive", "at once", [&]() -> OrFailure<double> {
      auto done = all_at_once(laboratory, kAtOnce);
      if (!done) return std::unexpected(done.error());
      crowd = *done;
      return crowd.instances;
    });
    if (!alive) return alive;
    rows.push_back({"instances_alive_threads", "of the host, then", crowd.threads, std::nullopt, {}});
    rows.push_back({"instances_alive_bytes", "of the pool, each", crowd.pool_bytes, std::nullopt, {}});
    seconds = static_cast<double>(crowd.nanoseconds) / 1e9;
    return {};
  }

  // By the clock.
  OrFailure<void> timed() {
    if (wanted("spawn_1000"))
      if (auto added = add_in_turn(); !added) return added;
    if (wanted("instances_alive")) {
      double seconds = 0;
      if (auto added = add_at_once(seconds); !added) return added;
      rows.push_back({"instances_alive_time", "seconds, start to end", seconds, std::nullopt, {}});
    }
    fmt::print(stderr, "\r\033[K");
    return {};
  }

  OrFailure<void> all() {
    Laboratory& lab = laboratory;
    const uint64_t forks_before = lab.monitor_forks();
    auto forked = [&](Subject subject) { return [&lab, subject] { return repeat([&] { return cost(lab.fork(subject)); }); }; };
    auto forked_with = [&](uint64_t megabytes) {
      return [&lab, megabytes]() -> OrFailure<double> {
        auto program = lab.program_with_ballast(megabytes);
        if (!program) return std::unexpected(program.error());
        return repeat([&] { return cost(lab.fork(*program)); });
      };
    };
    auto forked_beside = [&](size_t instances) {
      return [&lab, instances]() -> OrFailure<double> {
        if (auto kept = lab.keep_instances("bench-hello", instances); !kept) return std::unexpected(kept.error());
        auto value = repeat([&] { return cost(lab.fork("bench-hello")); });
        if (auto gone = lab.keep_instances("bench-hello", 0); !gone) return std::unexpected(gone.error());
        return value;
      };
    };
    auto spawned = [&](const char* program) { return [&lab, program] { return repeat([&] { return cost(lab.process(program)); }); }; };
    auto private_bytes = [&](Subject subject) {
      return [&lab, subject]() -> OrFailure<double> {
        auto bytes = lab.private_bytes(subject);
        if (!bytes) return std::unexpected(bytes.error());
        return static_cast<double>(*bytes);
      };
    };

    struct Step {
      std::string name;
      const char* unit;
      std::function<OrFailure<double>()> enclave, linux_figure;
      bool asked_only = false;  // not measured unless it is named
    };
    std::vector<Step> steps = {
        {"shadow_first_instruction", kInstructions, [&] { return repeat([&] { return to_first(lab.fork("bench-first")); }); },
         [&] { return repeat([&] { return to_first(lab.process("bench-first", {}, true)); }); }},
        {"shadow_main_first_instruction", kInstructions, [&] { return repeat([&] { return to_first(lab.fork({"bench-main", ShadowPoint::Main})); }); }, nullptr},
        {"shadow_call_first_instruction", kInstructions, [&] { return repeat([&] { return to_first(lab.fork({"bench-call", ShadowPoint::Call})); }); }, nullptr},
        {"shadow_run_musl", kInstructions, forked("bench-hello"), spawned("bench-hello")},
        {"shadow_run_glibc", kInstructions, forked("bench-hello-glibc"), spawned("bench-hello-glibc")},
        {"shadow_main_run_musl", kInstructions, forked({"bench-hello", ShadowPoint::Main}), nullptr},
        {"shadow_main_run_glibc", kInstructions, forked({"bench-hello-glibc", ShadowPoint::Main}), nullptr},
        {"shadow_call_run_musl", kInstructions, forked({"bench-call", ShadowPoint::Call}), nullptr},
        {"shadow_run_musl_64m", kInstructions, forked_with(64), nullptr},
        {"cold_run_glibc", kInstructions, [&] { return repeat([&] { return cost(lab.cold("bench-hello-glibc")); }, 3); }, spawned("bench-hello-glibc")},
        {"template_create_glibc", kInstructions, [&] { return repeat([&] { return cost(lab.make_template("bench-hello-glibc")); }, 3); }, nullptr},
        {"private_bytes_musl", "bytes", private_bytes("bench-hello"), nullptr},
        {"private_bytes_glibc", "bytes", private_bytes("bench-hello-glibc"), nullptr},
        {"private_bytes_main_musl", "bytes", private_bytes({"bench-hello", ShadowPoint::Main}), nullptr},
        {"private_bytes_main_glibc", "bytes", private_bytes({"bench-hello-glibc", ShadowPoint::Main}), nullptr},
        {"private_bytes_call_musl", "bytes", private_bytes({"bench-call", ShadowPoint::Call}), nullptr},
    };
    steps.push_back({"cold_bytes_hashed_glibc", "bytes", [&lab]() -> OrFailure<double> {
                       auto bytes = lab.hashed_bytes("bench-hello-glibc");
                       if (!bytes) return std::unexpected(bytes.error());
                       return static_cast<double>(*bytes);
                     }, nullptr});
    // For pictures.
    for (uint64_t megabytes : {4, 16}) steps.push_back({fmt::format("shadow_run_musl_{}m", megabytes), kInstructions, forked_with(megabytes), nullptr, true});
    for (size_t instances : {10, 100, 400})
      steps.push_back({fmt::format("shadow_run_musl_beside_{}", instances), kInstructions, forked_beside(instances), nullptr, true});
    auto operation = [&lab](const char* name, const char* program) {
      return Step{name, "instructions each", [&lab, name, program] { return printed(lab.fork(program, {name})); },
                  [&lab, name, program] { return printed(lab.process(program, {name}, true)); }};
    };
    steps.push_back({"shadow_page_copy", "instructions each", [&] { return repeat([&] { return printed(lab.fork({"bench-copies", ShadowPoint::Call})); }, 3); }, nullptr});
    // Programs of root images.
    std::map<std::string, Rooted> images;
    auto rooted = [&](const std::string& name) -> OrFailure<Rooted*> {
      if (auto known = images.find(name); known != images.end()) return &known->second;
      auto opened = Rooted::open(lab, name);
      if (!opened) return std::unexpected(opened.error());
      return &images.emplace(name, std::move(*opened)).first->second;
    };
    auto in_image = [&](const std::string& image, auto measure) {
      return [&rooted, image, measure]() -> OrFailure<double> {
        auto root = rooted(image);
        if (!root) return std::unexpected(root.error());
        return measure(**root);
      };
    };
    const std::string own_image = programs + "/bench-root";
    for (const auto& [name, command] : {std::pair("boot_run_musl", &kRootedMusl), std::pair("boot_run_glibc", &kRootedGlibc)})
      steps.push_back({name, kInstructions, in_image(own_image, [command](Rooted& root) { return repeat([&] { return cost(root.fork(ShadowPoint::Boot, *command)); }); }),
                       in_image(own_image, [command](Rooted& root) { return repeat([&] { return cost(root.process(*command)); }); })});
    if (python.empty()) {
      const char* const why = "there is no image with python3; in a build tree 'cmake --build build --target python-image' makes one, elsewhere --python names one";
      for (const char* name : {kPythonRow, kPythonRunRow})
        if (std::ranges::find(asked, name) != asked.end()) return failure(kOwnFailure, fmt::format("{}: {}", name, why));
      if (asked.empty()) fmt::print(stderr, "pl-bench: {} is left out: {}\n", kPythonRow, why);
    } else {
      for (const auto& [name, command] : {std::pair(kPythonRow, &kPythonStart), std::pair(kPythonRunRow, &kPythonRun)})
        steps.push_back({name, kInstructions,
                         in_image(python, [this, command](Rooted& root) { return repeat([&] { return answered(root.fork(ShadowPoint::Call, *command)); }, 3); }),
                         in_image(python, [this, command](Rooted& root) { return repeat([&] { return answered(root.process(*command)); }, 3); })});
    }
    for (const char* name : {"getppid", "pipe_pingpong", "futex_handoff", "thread_create_join", "fork_exit_wait", "fork_exec_wait", "open_close",
                             "stat", "tmpfs_read_1m", "page_fault", "page_copy", "mmap_munmap", "mmap_touch_munmap"})
      steps.push_back(operation(name, "bench-calls"));
    steps.push_back(operation("clock_gettime", "bench-calls-glibc"));  // musl has no use for the vDSO on RISC-V
    steps.push_back({"sqlite_speedtest", kInstructions, [&] { return speedtest(lab.fork("bench-sqlite", kSpeedtest)); },
                     [&] {
                       auto run = speedtest(lab.process("bench-sqlite", kSpeedtest, true));
                       unlink(kDatabase);
                       return run;
                     }});
    steps.push_back({"null_ocall", "instructions each", [&lab] { return printed(lab.fork("bench-calls", {"null_ocall"})); }, nullptr});
    steps.push_back({"hash_byte", "instructions each", [&lab] { return lab.hash_byte("bench-hello-glibc"); }, nullptr});
    for (const std::string& name : asked)
      if (std::ranges::find(steps, name, &Step::name) == steps.end() && name != "spawn_1000" && name != "instances_alive")
        return failure(kOwnFailure, "there is no row " + name);
    for (const Step& step : steps) {
      if (!wanted(step.name, step.asked_only)) continue;
      if (auto added = add(step.name, step.unit, step.enclave, step.linux_figure); !added) return added;
    }
    if (wanted("spawn_1000"))
      if (auto added = add_in_a_row(); !added) return added;
    double by_a_clock_that_counts_instructions = 0;
    if (wanted("instances_alive"))
      if (auto added = add_at_once(by_a_clock_that_counts_instructions); !added) return added;
    rows.push_back({"monitor_forks", "forks counted, and asked for", static_cast<double>(lab.monitor_forks() - forks_before),
                    static_cast<double>(lab.forks_asked()), {}});
    fmt::print(stderr, "\r\033[K");
    return {};
  }
};

OrFailure<void> write_json(const std::string& path, const std::string& text) {
  auto files = HostFiles::from_environment();
  if (!files) return failure(kOwnFailure, fmt::format("PENGLAI_ROOT: {}", std::strerror(files.error())));
  auto file = files->open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  if (!file || write(file->get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return failure(kOwnFailure, fmt::format("{}: {}", path, std::strerror(file ? errno : file.error())));
  return {};
}

int report(const Failure& failure) {
  fmt::print(stderr, "\r\033[Kpl-bench: {}\n", failure.message);
  return failure.status;
}

int run(const Options& options) {
  if (!options.time && !counts_instructions())
    return report({kOwnFailure, "this hart's instret does not count instructions; start the machine with -icount (the pl-bench of another machine does)"});
  auto laboratory = Laboratory::open(options.programs);
  if (!laboratory) return report(laboratory.error());
  if (options.explain) {
    if (auto explained = explain(*laboratory, options.programs); !explained) return report(explained.error());
    return 0;
  }
  Bench bench{std::move(*laboratory), options.programs, options.python, options.rows, {}};
  if (auto done = options.time ? bench.timed() : bench.all(); !done) return report(done.error());
  fmt::print("{}", as_text(bench.rows));
  if (!options.json.empty())
    if (auto written = write_json(options.json, as_json(bench.rows)); !written) return report(written.error());
  return 0;
}

}  // namespace
}  // namespace pl::bench

int main(int argc, char** argv) {
  pl::bench::Options options;
  if (auto status = pl::bench::parse(argc, argv, options)) return *status;
  const char* apps = std::getenv("PENGLAI_APPS");
  if (options.programs.empty()) options.programs = apps ? apps : "/usr/lib/penglai/apps";
  return pl::bench::run(options);
}
