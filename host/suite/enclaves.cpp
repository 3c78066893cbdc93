// SPDX-License-Identifier: BSD-2-Clause
// Tests in enclaves: jobs of one runtime, so many at once, each a fork of the one template of the suite's image.
#include <signal.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "run/job.h"
#include "run/output.h"
#include "suite/kept_output.h"
#include "suite/runner.h"

namespace pl::suite {
namespace {

constexpr uint32_t kEnding = 1u << SIGINT | 1u << SIGTERM | 1u << SIGHUP | 1u << SIGQUIT;
constexpr mode_t kUmask = 022;
constexpr size_t kPathMax = 4096;

class OutputChannel : public Channel {
 public:
  explicit OutputChannel(KeptOutput& output) : output_(output) {}
  int write(std::span<const std::byte> buffer) override {
    output_.add({reinterpret_cast<const char*>(buffer.data()), buffer.size()});
    return static_cast<int>(buffer.size());
  }

 private:
  KeptOutput& output_;
};

struct Test {
  Job job;
  KeptOutput output;
  std::string messages;  // of the enclave
  OutputChannel channel{output};
  MemoryInput input{{}};
};

class Enclaves {
 public:
  Enclaves(const Plan& plan, const Tell& tell, Recipe& recipe, Runtime& runtime, Signals& signals)
      : plan_(plan), tell_(tell), recipe_(recipe), runtime_(runtime), signals_(signals), most_(plan.jobs) {}
  OrFailure<int> run();

 private:
  std::unique_ptr<Test> make(size_t index);
  OrFailure<void> fill();
  void took_end(Job& job);
  void attend();

  const Plan& plan_;
  const Tell& tell_;
  Recipe& recipe_;
  Runtime& runtime_;
  Signals& signals_;
  size_t most_;
  std::vector<std::unique_ptr<Test>> tests_;
  std::vector<size_t> again_;  // found no room
  size_t next_ = 0;
  int stopped_ = 0;  // by this signal
};

std::unique_ptr<Test> Enclaves::make(size_t index) {
  const std::string& path = plan_.tests[index];
  auto test = std::make_unique<Test>();
  Job& job = test->job;
  job.recipe = &recipe_;
  job.invocation.program = path;
  job.invocation.arguments = {path};
  job.invocation.environment = plan_.environment;
  job.invocation.directory = directory_of(plan_, path);
  job.invocation.user = plan_.user;
  job.invocation.group = plan_.group;
  job.invocation.umask = kUmask;
  job.streams[0].channel = &test->input;
  job.streams[1].channel = job.streams[2].channel = &test->channel;
  job.memory = plan_.memory;
  job.timeout_milliseconds = plan_.timeout_milliseconds;
  job.index = static_cast<uint32_t>(index);
  job.say = [&messages = test->messages](std::string_view text) { messages.append(text); };
  return test;
}

// Starts as many as may run at once.
OrFailure<void> Enclaves::fill() {
  while (!stopped_ && runtime_.running().size() < most_ && (!again_.empty() || next_ < plan_.tests.size())) {
    const size_t next = again_.empty() ? next_ : again_.back();
    if (!may_start(plan_, next, runtime_.running().size())) return {};
    auto test = make(next);
    if (auto launched = runtime_.launch(test->job); !launched) {
      // Others hold what it lacks: it has its turn when one of them has ended.
      if (runtime_.running().empty()) return launched;
      most_ = runtime_.running().size();
      return {};
    }
    if (again_.empty()) ++next_;
    else again_.pop_back();
    tests_.push_back(std::move(test));
  }
  return {};
}

void Enclaves::took_end(Job& job) {
  auto found = std::ranges::find_if(tests_, [&](auto& test) { return &test->job == &job; });
  Test& test = **found;
  if (job.no_room && !runtime_.running().empty() && !stopped_) {
    most_ = runtime_.running().size();
    again_.push_back(job.index);
  } else if (!stopped_) {
    test.output.add(test.messages);
    Outcome outcome;
    outcome.test = job.index;
    outcome.status = job.signal ? 0 : job.result.status;
    outcome.signal = job.signal;
    outcome.timed_out = job.overdue;
    outcome.seconds = static_cast<double>(monotonic_now() - job.started) / 1e9;
    outcome.output = test.output.text();
    outcome.message = job.result.message;
    tell_(outcome);
  }
  tests_.erase(found);
}

void Enclaves::attend() {
  const uint32_t came = signals_.take_unclaimed(), ending = came & kEnding;
  if (came & 1u << SIGTSTP && signals_.take_stop()) signals_.stop_self();
  if (!ending) return;
  stopped_ = std::countr_zero(ending);
  const std::vector<Job*> jobs = runtime_.running();
  for (Job* job : jobs) runtime_.kill(*job);
}

OrFailure<int> Enclaves::run() {
  runtime_.server().have_no_foreground();
  runtime_.server().on_attention([this] { attend(); });
  for (;;) {
    auto filled = fill();
    if (!filled) {
      const std::vector<Job*> jobs = runtime_.running();
      for (Job* job : jobs) runtime_.kill(*job);
      while (!runtime_.running().empty()) runtime_.next();
      return std::unexpected(filled.error());
    }
    if (runtime_.running().empty()) break;
    took_end(runtime_.next());
  }
  return stopped_ ? kSignalBase + stopped_ : 0;
}

}  // namespace

OrFailure<int> run_in_enclaves(const Plan& plan, const Tell& tell) {
  auto files = HostFiles::from_environment();
  if (!files) return failure(kOwnFailure, std::string("PENGLAI_ROOT: ") + std::strerror(files.error()));
  RunOptions options;
  options.rootfs = plan.root;
  options.memory = plan.memory;
  options.shadow = true;
  options.shadow_point = ShadowPoint::Boot;
  auto recipe = Recipe::make(options, *files);
  if (!recipe) return std::unexpected(recipe.error());
  Invocation invocation;
  invocation.program = std::string(kPathMax, 'x');
  invocation.arguments = {std::string(kPathMax, 'x')};
  invocation.environment = plan.environment;
  const uint64_t window = invocation.window_size();
  if (!window) return failure(kOwnFailure, "the environment is too long");
  std::optional<Signals> signals;  // outlives the alarms of the runtime
  auto runtime = Runtime::open(window * plan.jobs, [](std::string_view) {});
  if (!runtime) return std::unexpected(runtime.error());
  signals.emplace();
  (*runtime)->hear(*signals);
  return Enclaves(plan, tell, *recipe, **runtime, *signals).run();
}

}  // namespace pl::suite
