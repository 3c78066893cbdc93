// SPDX-License-Identifier: BSD-2-Clause
#include "run/many.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "run/output.h"
#include "run/progress.h"

namespace pl {
namespace {

constexpr size_t kInputMax = 256 << 20;
constexpr size_t kFailuresNamed = 10;
constexpr uint32_t kEnding = 1u << SIGINT | 1u << SIGTERM | 1u << SIGHUP | 1u << SIGQUIT;

OrFailure<std::vector<std::byte>> read_input() {
  std::vector<std::byte> content(65536);
  size_t size = 0;
  for (;;) {
    if (size == content.size()) content.resize(2 * size);
    ssize_t got = read(STDIN_FILENO, content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(kOwnFailure, fmt::format("standard input: {}", std::strerror(errno)));
    if (got == 0) break;
    size += static_cast<size_t>(got);
    if (size > kInputMax) return failure(kOwnFailure, fmt::format("-i: more than {} MiB of standard input", kInputMax >> 20));
  }
  content.resize(size);
  return content;
}

// One instance with what belongs to it alone.
struct Member {
  Job job;
  std::optional<MemoryInput> input;
  std::optional<LineChannel> lines[2];
  Descriptor files[2];
};

class Many {
 public:
  Many(const RunOptions& options, Recipe& recipe, Runtime& runtime, Signals& signals, Serving& serving, const Invocation& invocation)
      : options_(options), recipe_(recipe), runtime_(runtime), signals_(signals), serving_(serving), invocation_(invocation),
        most_(jobs_of(options)), out_(STDOUT_FILENO, &signals, [this] { progress_.hide(); }), err_(STDERR_FILENO, &signals, [this] { progress_.hide(); }) {}

  OrFailure<void> prepare(const HostFiles& files, mode_t mask);
  OrFailure<int> run();

 private:
  OrFailure<std::unique_ptr<Member>> make(uint32_t index);
  OrFailure<void> fill();
  void took_end(Job& job);
  void attend();
  void stop(int signal);
  void flush();
  int sum_up();

  const RunOptions& options_;
  Recipe& recipe_;
  Runtime& runtime_;
  Signals& signals_;
  Serving& serving_;
  const Invocation& invocation_;
  uint32_t most_;
  Progress progress_;
  SharedOutput out_, err_;
  std::optional<Descriptor> directory_;
  mode_t mask_ = 0;
  std::vector<std::byte> input_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<uint32_t> again_;  // found no room
  uint32_t next_ = 0, done_ = 0;
  std::vector<std::pair<uint32_t, int>> failed_;  // index and status
  int stopped_ = 0;                               // by this signal
  bool given_up_ = false;                         // --fail-fast
  const uint64_t begun_ = monotonic_now();
};

OrFailure<void> Many::prepare(const HostFiles& files, mode_t mask) {
  mask_ = mask;
  if (options_.interactive) {
    auto content = read_input();
    if (!content) return std::unexpected(content.error());
    input_ = std::move(*content);
  }
  if (options_.output.empty()) return {};
  auto fail = [&](int error) { return failure(kOwnFailure, fmt::format("--output {}: {}", options_.output, std::strerror(error))); };
  if (auto made = files.make_directory(options_.output, 0777 & ~mask_); !made) return fail(made.error());
  auto directory = files.open(options_.output, O_RDONLY | O_DIRECTORY);
  if (!directory) return fail(directory.error());
  directory_.emplace(std::move(*directory));
  return {};
}

OrFailure<std::unique_ptr<Member>> Many::make(uint32_t index) {
  auto member = std::make_unique<Member>();
  Job& job = member->job;
  job.recipe = &recipe_;
  job.invocation = invocation_of(invocation_, index, options_.count);
  job.memory = options_.memory;
  job.timeout_milliseconds = options_.timeout_milliseconds;
  job.index = index;
  job.streams[0].channel = &member->input.emplace(input_);
  for (int which = 0; which < 2; ++which) {
    Endpoint& stream = job.streams[static_cast<size_t>(which + 1)];
    if (!directory_) {
      stream.channel = &member->lines[which].emplace(which ? err_ : out_, fmt::format("[{}] ", index));
      continue;
    }
    const std::string name = fmt::format("{}.{}", index, which ? "err" : "out");
    member->files[which] = Descriptor(openat(directory_->get(), name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666 & ~mask_));
    if (member->files[which].get() < 0) return failure(kOwnFailure, fmt::format("--output {}/{}: {}", options_.output, name, std::strerror(errno)));
    stream.descriptor = member->files[which].get();
  }
  return member;
}

// Starts as many as may run at once.
OrFailure<void> Many::fill() {
  while (!stopped_ && !given_up_ && runtime_.running().size() < most_ && (!again_.empty() || next_ < options_.count)) {
    const uint32_t index = again_.empty() ? next_ : again_.back();
    auto member = make(index);
    if (!member) return std::unexpected(member.error());
    if (auto launched = runtime_.launch((*member)->job); !launched) {
      // Others hold what it lacks: it has its turn when one of them has ended.
      if (runtime_.running().empty()) return launched;
      most_ = static_cast<uint32_t>(runtime_.running().size());
      return {};
    }
    if (again_.empty()) ++next_;
    else again_.pop_back();
    members_.push_back(std::move(*member));
  }
  return {};
}

void Many::took_end(Job& job) {
  auto found = std::ranges::find_if(members_, [&](auto& member) { return &member->job == &job; });
  Member& member = **found;
  if (job.no_room && !runtime_.running().empty() && !stopped_) {
    most_ = static_cast<uint32_t>(runtime_.running().size());
    again_.push_back(job.index);
    members_.erase(found);
    return;
  }
  for (auto& lines : member.lines)
    if (lines) lines->finish();
  ++done_;
  if (job.result.status) {
    failed_.emplace_back(job.index, job.result.status);
    if (!job.result.message.empty()) say(job.result.message, fmt::format("[{}] ", job.index));
    if (options_.fail_fast && !given_up_) {
      given_up_ = true;
      for (Job* other : runtime_.running()) runtime_.stop(*other, SIGTERM);
    }
  }
  members_.erase(found);
}

// A signal, or somebody who asks.
void Many::attend() {
  serving_.attend();
  const uint32_t came = signals_.take_unclaimed(), ending = came & kEnding;
  if (came & 1u << SIGTSTP && signals_.take_stop()) {
    progress_.hide();
    signals_.stop_self();
  }
  if (ending) stop(std::countr_zero(ending));
  else if (serving_.stopped() && !stopped_) stopped_ = serving_.stopped();
}

void Many::stop(int signal) {
  const bool again = stopped_ != 0;
  if (!again) stopped_ = signal;
  const std::vector<Job*> jobs = runtime_.running();
  for (Job* job : jobs) {
    if (again) runtime_.kill(*job);
    else runtime_.stop(*job, signal);
  }
}

void Many::flush() {
  for (SharedOutput* output : {&out_, &err_}) {
    while (!output->flush()) {
      signals_.clear_attention();
      serving_.attend();
      if (signals_.take_unclaimed() & kEnding) return;  // its reader is slow, and its user in a hurry
    }
  }
}

OrFailure<int> Many::run() {
  before_saying([this] { progress_.hide(); });
  runtime_.server().have_no_foreground();
  runtime_.server().on_attention([this] { attend(); });
  for (;;) {
    auto filled = fill();
    if (!filled) {
      for (Job* job : runtime_.running()) runtime_.stop(*job, SIGTERM);
      while (!runtime_.running().empty()) took_end(runtime_.next());
      before_saying({});
      return std::unexpected(filled.error());
    }
    if (runtime_.running().empty()) break;
    progress_.show(done_, options_.count, runtime_.running().size(), static_cast<uint32_t>(failed_.size()));
    took_end(runtime_.next());
  }
  flush();
  progress_.hide();
  before_saying({});
  runtime_.tell_evicted([](std::string_view line) { say(line); });
  return sum_up();
}

int Many::sum_up() {
  const double seconds = static_cast<double>(monotonic_now() - begun_) / 1e9;
  const auto good = done_ - static_cast<uint32_t>(failed_.size());
  const uint32_t never = options_.count - done_;
  std::ranges::sort(failed_);
  if (options_.json) {
    auto failures = nlohmann::json::array();
    for (auto [index, status] : failed_) failures.push_back({{"index", index}, {"status", status}});
    const nlohmann::json summary = {{"count", options_.count}, {"succeeded", good},  {"failed", failed_.size()},
                                    {"not_started", never},    {"seconds", seconds}, {"failures", std::move(failures)}};
    const std::string line = summary.dump() + "\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  } else {
    std::string line = fmt::format("{} of {} instances ended with 0 in {:.2f} s", good, options_.count, seconds);
    if (!failed_.empty()) {
      line += fmt::format("; {} failed (", failed_.size());
      for (size_t i = 0; i < std::min(failed_.size(), kFailuresNamed); ++i)
        line += fmt::format("{}[{}]: {}", i ? ", " : "", failed_[i].first, failed_[i].second);
      line += failed_.size() > kFailuresNamed ? ", ...)" : ")";
    }
    if (never) line += fmt::format("; {} not started", never);
    say(line);
  }
  if (stopped_) return kSignalBase + stopped_;
  return failed_.empty() ? 0 : kSomeFailed;
}

}  // namespace

uint32_t jobs_of(const RunOptions& options) { return std::min(options.jobs ? options.jobs : kJobs, options.count); }

Invocation invocation_of(const Invocation& invocation, uint32_t index, uint32_t count) {
  Invocation own = invocation;
  std::erase_if(own.environment, [](const std::string& variable) {
    return variable.starts_with("PENGLAI_INDEX=") || variable.starts_with("PENGLAI_COUNT=");
  });
  own.environment.push_back(fmt::format("PENGLAI_INDEX={}", index));
  own.environment.push_back(fmt::format("PENGLAI_COUNT={}", count));
  own.terminals = 0;  // none of its streams is one
  return own;
}

OrFailure<int> run_many(const RunOptions& options, const HostFiles& files, Recipe& recipe, Runtime& runtime, Signals& signals,
                        Serving& serving, const Invocation& invocation, mode_t file_mask) {
  Many many(options, recipe, runtime, signals, serving, invocation);
  if (auto ready = many.prepare(files, file_mask); !ready) return std::unexpected(ready.error());
  return many.run();
}

}  // namespace pl
