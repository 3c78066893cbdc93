// SPDX-License-Identifier: BSD-2-Clause
#include "run/job.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "run/launch.h"

namespace pl {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kGrace = 2000 * kMillisecond;  // between the request to end and the end
constexpr uint64_t kArenaMin = 65536;

}  // namespace

OrFailure<std::unique_ptr<Runtime>> Runtime::open(uint64_t windows, Say say) {
  const char* path = environment("PENGLAI_DEVICE", PL_DEVICE);
  // One more, for making a template.
  auto device = Device::open(path, std::bit_ceil(std::max(windows + PL_WINDOW_DEFAULT, kArenaMin)));
  if (device) return std::make_unique<Runtime>(std::move(*device), std::move(say));
  switch (device.error()) {
    case ENOENT:
      // In the emulated machine (host_files.cpp) somebody loads it, so the firmware or the module has refused, and said why.
      return failure(kOwnFailure, std::getenv("PENGLAI_ROOT") ? fmt::format("no {}: `pl-machine log` says why this machine has no enclaves", path)
                                                              : fmt::format("no {}: is the penglai module loaded?", path));
    case EACCES: return failure(kOwnFailure, fmt::format("no permission for {}: it is for the group penglai", path));
    case ENODEV: return failure(kOwnFailure, "this machine's firmware has no penglai monitor");
    case EINVAL: return failure(kOwnFailure, "more instances at once than one process can have windows for");
    default: return failure(kOwnFailure, fmt::format("{}: {}", path, std::strerror(device.error())));
  }
}

Runtime::Runtime(Device device, Say say)
    : device_(std::move(device)),
      say_(std::move(say)),
      server_(device_, nullptr, [this](Instance& instance, std::string_view text) { say_of(instance)(text); }) {
  tell_evicted([](std::string_view) {});
}

const Say& Runtime::say_of(const Instance& instance) const {
  auto found = std::ranges::find_if(running_, [&](const Job* job) { return &*job->instance == &instance; });
  return found != running_.end() && (*found)->say ? (*found)->say : say_;
}

OrFailure<void> Runtime::launch(Job& job) {
  const uint32_t size = job.invocation.window_size();
  if (!size) return failure(kCannotRun, job.invocation.arguments.at(0) + ": argument list too long");
  auto piece = WindowPiece::take(device_, size);
  if (!piece) return failure(kOwnFailure, fmt::format("window: {}", std::strerror(piece.error())));
  job.piece.emplace(std::move(*piece));
  job.instance.emplace(job.piece->bytes());
  if (job.debugger) job.instance->be_debugged(*job.debugger);
  HandleTable& handles = job.instance->handles();
  for (uint32_t number = 0; number < 3; ++number) {
    const Endpoint& stream = job.streams[number];
    if (stream.channel) handles.set_stream(number, *stream.channel);
    else if (stream.descriptor >= 0) handles.set_stream(number, stream.descriptor);
  }
  if (job.recipe) {
    if (auto given = give_root(job.recipe->plan(), *job.instance); !given) return given;
    uint16_t number = job.recipe->plan().root() < 0 ? 0 : 1;
    for (const Mount& mount : job.recipe->mounts()) {
      int own = fcntl(mount.root.get(), F_DUPFD_CLOEXEC, 3);
      if (own < 0) return failure(kOwnFailure, fmt::format("-v: {}", std::strerror(errno)));
      handles.set_mount(number++, own, mount.read_only);
    }
  }
  job.started = monotonic_now();
  job.deadline = job.timeout_milliseconds ? job.started + job.timeout_milliseconds * kMillisecond : 0;
  if (auto entered = enter(job); !entered) {
    job.instance.reset();
    job.piece.reset();
    return entered;
  }
  running_.push_back(&job);
  return {};
}

OrFailure<void> Runtime::enter(Job& job) {
  if (job.recipe && job.recipe->forks()) {
    auto found = job.recipe->find_template(device_, say_);
    if (!found) return std::unexpected(found.error());
    job.template_id = *found;
  }
  prepare_window(job.instance->window(), job.invocation);
  if (job.recipe && !job.recipe->forks()) {
    auto enclave = job.recipe->make_enclave(device_, job.piece->place());
    if (!enclave) return std::unexpected(enclave.error());
    server_.add_enclave(*job.instance, enclave->release());
  } else {
    server_.add_fork(*job.instance, job.template_id, job.piece->place(), job.memory);
  }
  return {};
}

Job* Runtime::next_until(uint64_t until) {
  until_ = until;
  for (;;) {
    if (!ended_.empty()) {
      Job& job = *ended_.front();
      ended_.erase(ended_.begin());
      return &job;
    }
    set_timer(until_);
    const Ending ending = server_.next();
    if (ending.kind == Ending::Kind::Timeout) {
      look_at_deadlines();
      if (until && monotonic_now() >= until) return nullptr;
      continue;
    }
    if (ending.kind == Ending::Kind::Relay) {  // it has no relay window here: a lie
      server_.kill(*ending.instance);
      continue;
    }
    auto found = std::ranges::find_if(running_, [&](Job* job) { return &*job->instance == ending.instance; });
    Job& job = **found;
    // A template that was found may give way to another before it is forked; then it is made again, once.
    if (ending.kind == Ending::Kind::Failed && ending.detail == ENOENT && job.recipe && job.recipe->forks() && !job.made_anew) {
      job.made_anew = true;
      job.recipe->forget_template();
      auto entered = enter(job);
      if (entered) continue;
      job.result = entered.error();
    } else {
      end(job, ending);
    }
    running_.erase(found);
    job.instance.reset();
    job.piece.reset();
    ended_.push_back(&job);
  }
}

void Runtime::finish(Job& job) {
  std::vector<Job*> others;
  for (;;) {
    Job& ended = next();
    if (&ended == &job) break;
    others.push_back(&ended);
  }
  ended_.insert(ended_.begin(), others.begin(), others.end());
}

void Runtime::end(Job& job, const Ending& ending) {
  job.instance->terminal().restore();
  if (ending.handle >= 0) {
    Enclave kept(device_, ending.handle);
    job.last = inspect(job);
    pl_ioc_inspect held{};
    held.handle = kept.handle();
    if (pl_enclave_inspect(device_.get(), &held) == 0) {
      job.last.private_bytes = held.private_bytes;
      job.last.shared_bytes = held.shared_bytes;
    }
  }
  job.signal = ending.kind == Ending::Kind::Exited ? static_cast<int>(ending.detail & 0x7f) : 0;
  job.no_room = ending.kind == Ending::Kind::Failed && ending.detail == ENOMEM;
  job.result = job.overdue ? Failure{kTimeUp, ""} : describe(ending, job.memory);
}

void Runtime::set_timer(uint64_t until) {
  uint64_t first = until;
  for (const Job* job : running_)
    if (job->deadline && (!first || job->deadline < first)) first = job->deadline;
  server_.set_timeout(first);
}

// Who is late is asked to end, and a little later it is made to.
void Runtime::look_at_deadlines() {
  const uint64_t now = monotonic_now();
  for (Job* job : running_) {
    if (!job->deadline || job->deadline > now) continue;
    if (job->overdue || job->stopping) {
      job->deadline = 0;
      kill(*job);
      continue;
    }
    job->overdue = true;
    job->deadline = now + kGrace;
    signal(*job, SIGTERM);
  }
}

void Runtime::stop(Job& job, int number) {
  if (job.stopping) return;
  job.stopping = true;
  job.deadline = monotonic_now() + kGrace;
  signal(job, number);
  set_timer(until_);
}

Figures Runtime::inspect(const Job& job) {
  Figures figures;
  if (!job.instance) return job.last;
  const Server::Look look = server_.look_at(*job.instance);
  figures.waiting = look.idle;
  figures.ocalls = job.instance->ocalls();
  figures.pages_in_use = const_cast<Job&>(job).instance->pages_in_use();
  figures.age = monotonic_now() - job.started;
  if (look.handle < 0) return figures;
  pl_ioc_inspect held{};
  held.handle = look.handle;
  if (pl_enclave_inspect(device_.get(), &held) == 0) {
    figures.id = held.id;
    figures.private_bytes = held.private_bytes;
    figures.shared_bytes = held.shared_bytes;
  }
  return figures;
}

void Runtime::tell_evicted(const Say& say) {
  pl_ioc_evicted evicted{};
  evicted.number = evicted_;
  while (pl_template_evicted(device_.get(), &evicted) == 0) {
    evicted_ = evicted.number;
    if (!(evicted.flags & PL_EVICTED_HERE)) continue;
    say(fmt::format("the pool was full: the template of {} ({}, {} KiB, idle for {} s) gave way", evicted.name, evicted.template_id,
                    evicted.bytes / 1024, evicted.idle));
  }
}

}  // namespace pl
