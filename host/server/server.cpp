// SPDX-License-Identifier: BSD-2-Clause
#include "server/server.h"

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <utility>

namespace pl {
namespace {

constexpr uint64_t kNever = ~uint64_t{0};
constexpr uint64_t kMillisecond = 1'000'000;
// How often an instance that does not leave is asked to, so that what it polls for reaches it.
constexpr uint64_t kTick = 10 * kMillisecond;
constexpr uint64_t kStarvingPause = 5 * kMillisecond;
constexpr uint64_t kStarvingLimit = 2000 * kMillisecond;
// Entries in a row before the other instances have their turn.
constexpr int kTurn = 256;

timespec duration(uint64_t nanoseconds) {
  return {static_cast<time_t>(nanoseconds / 1'000'000'000), static_cast<long>(nanoseconds % 1'000'000'000)};
}

}  // namespace

Server::Server(Device& device, Signals* signals, Log log)
    : device_(device), signals_(signals), log_(std::move(log)) {}

Server::~Server() {
  while (!running_.empty()) end(*running_.back()->instance);
}

void Server::add(std::unique_ptr<Running> running) {
  if (running_.empty() && signals_) signals_->attach(running->instance->window().ring(), running->run.flags);
  running_.push_back(std::move(running));
}

void Server::add_fork(Instance& instance, uint64_t template_id, pl_ioc_window window, uint64_t memory_limit) {
  auto running = std::make_unique<Running>();
  running->instance = &instance;
  running->spawned = false;
  running->spawn.template_id = template_id;
  running->spawn.memory_limit = memory_limit;
  running->spawn.window[PL_WINDOW_OCALL] = window;
  running->spawn.flags = run_flags_ & PL_RUN_DESTROY ? 0 : PL_SPAWN_KEEP;
  running->run.handle = -1;
  running->run.flags = run_flags_;
  add(std::move(running));
}

void Server::add_enclave(Instance& instance, int handle) {
  auto running = std::make_unique<Running>();
  running->instance = &instance;
  running->run.handle = handle;
  running->run.flags = run_flags_;
  add(std::move(running));
}

void Server::set_timeout(uint64_t monotonic) {
  timeout_ = monotonic;
  if (monotonic)
    timeout_alarm_.once_at(monotonic);
  else
    timeout_alarm_.stop();
}

void Server::end(Instance& instance) {
  auto found = std::ranges::find_if(running_, [&](auto& running) { return running->instance == &instance; });
  if (found == running_.end()) return;
  if ((*found)->run.handle >= 0) pl_enclave_destroy(device_.get(), (*found)->run.handle);
  if (found == running_.begin() && signals_) signals_->detach();
  running_.erase(found);
}

// PL_IOC_SPAWN the first time, PL_IOC_RUN from then on. The answer is in running.run either way.
int Server::enter(Running& running) {
  if (running.spawned) return pl_enclave_run(device_.get(), &running.run);
  pl_ioc_spawn& spawn = running.spawn;
  spawn.handle = -1;
  int code = pl_template_spawn(device_.get(), &spawn);
  if (code == 0 || spawn.handle >= 0) {
    running.spawned = true;
    running.run.handle = spawn.handle;
    running.run.reason = spawn.reason;
    running.run.detail = spawn.detail;
  }
  return code;
}

bool Server::finish(Running& running, Ending& ending, Ending::Kind kind, uint64_t detail) {
  ending = {kind, detail, running.instance, -1};
  if (std::string text = running.instance->take_log(); !text.empty() && log_) log_(*running.instance, text);
  const bool kept = kind == Ending::Kind::Frozen || (!(run_flags_ & PL_RUN_DESTROY) && (kind == Ending::Kind::Exited || kind == Ending::Kind::Fault));
  if (kept) ending.handle = std::exchange(running.run.handle, -1);
  end(*running.instance);
  return true;
}

// Runs an instance until it idles, ends (true), or something else wants attention.
bool Server::step(Running& running, Ending& ending) {
  using enum Ending::Kind;
  Instance& instance = *running.instance;
  for (int turn = 0; turn < kTurn; ++turn) {
    if (instance.waiting() && signals_ && !tick_.armed()) tick_.every(kTick);
    int code = enter(running);
    if (code == -EINTR) return false;
    if (code < 0) return finish(running, ending, Failed, static_cast<uint64_t>(-code));

    // Order matters against the handler, which sets the event first and the flag second.
    std::atomic_ref(running.run.flags).store(run_flags_, std::memory_order_relaxed);
    if (signals_ && signals_->take_event()) std::atomic_ref(running.run.flags).fetch_or(PL_RUN_EVENT);

    const uint32_t reason = running.run.reason;
    switch (reason) {
      case PL_LEFT_EXIT:
      case PL_LEFT_FAULT:
        if (run_flags_ & PL_RUN_DESTROY) running.run.handle = -1;  // gone with the call
        return finish(running, ending, reason == PL_LEFT_EXIT ? Exited : Fault, running.run.detail);
      case PL_LEFT_FROZEN: return finish(running, ending, Frozen, 0);
      case PL_LEFT_MEMORY: {
        uint64_t now = monotonic_now();
        if (!running.starving_since) running.starving_since = now;
        if (now - running.starving_since > kStarvingLimit) return finish(running, ending, Starved, running.run.detail);
        running.idle = true;
        running.deadline = now + kStarvingPause;
        return false;
      }
      default: break;
    }
    running.starving_since = 0;
    const Instance::Served served = instance.serve();
    if (served == Instance::Served::Broken) return finish(running, ending, Protocol, 0);
    if (Window::load(instance.window().ring().log_length) != 0)
      if (std::string text = instance.take_log(); !text.empty() && log_) log_(instance, text);
    if (reason == PL_LEFT_IDLE) {
      if (served == Instance::Served::Replied) {  // it asked something on its way to sleep
        std::atomic_ref(running.run.flags).fetch_or(PL_RUN_EVENT);
        continue;
      }
      running.idle = true;
      running.deadline = running.run.detail;
      return false;
    }
    if (signals_ && signals_->attention()) return false;
  }
  return false;
}

Ending Server::next() {
  Ending ending{};
  for (;;) {
    if (timeout_ && monotonic_now() >= timeout_) {
      timeout_ = 0;
      return {Ending::Kind::Timeout, 0, nullptr, -1};
    }
    attend();
    bool all_idle = true;
    for (size_t i = 0; i < running_.size(); ++i) {
      Running& running = *running_[i];
      // An event that came since it went idle is for it to see.
      if (running.idle && !(Window::load(running.run.flags) & PL_RUN_EVENT)) continue;
      running.idle = false;
      if (step(running, ending)) {
        if (running_.empty()) tick_.stop();
        return ending;
      }
      all_idle = all_idle && running.idle;
    }
    stop_if_asked();
    if (all_idle)
      wait();
    else if (running_.size() > 1)
      collect();
  }
}

// After a signal or an alarm.
void Server::attend() {
  if (!signals_ || !signals_->attention()) return;
  signals_->clear_attention();
  collect();
}

// SIGTSTP: the enclave has seen it first, so that a program that cares has put its screen in order.
void Server::stop_if_asked() {
  if (!signals_ || running_.empty() || Window::load(running_[0]->run.flags) & PL_RUN_EVENT) return;
  if (!signals_->take_stop()) return;
  Terminal& terminal = running_[0]->instance->terminal();
  terminal.restore();
  signals_->stop_self();
  terminal.reapply();
}

// News that is there already, without waiting.
void Server::collect() {
  entries_.clear();
  for (auto& running : running_) running->instance->watch(entries_);
  if (entries_.empty()) {
    if (tick_.armed()) tick_.stop();
    return;
  }
  if (::poll(entries_.data(), entries_.size(), 0) > 0) deliver();
}

// All instances are idle: until news, a deadline or a signal.
void Server::wait() {
  if (tick_.armed()) tick_.stop();
  entries_.clear();
  uint64_t deadline = timeout_ ? timeout_ : kNever;
  for (auto& running : running_) {
    running->instance->watch(entries_);
    deadline = std::min(deadline, running->deadline);
  }
  sigset_t before{};
  if (signals_) before = signals_->block();
  int ready = 0;
  if (!signals_ || !signals_->attention()) {
    uint64_t now = monotonic_now();
    timespec left = duration(deadline > now ? deadline - now : 0);
    ready = ppoll(entries_.data(), entries_.size(), deadline == kNever ? nullptr : &left, signals_ ? &before : nullptr);
  }
  if (signals_) signals_->unblock(before);
  if (ready > 0) deliver();
  uint64_t now = monotonic_now();
  for (auto& running : running_)
    if (running->deadline <= now) running->idle = false;
}

// entries_ is what watch() gave for every instance in order, with what poll() found.
void Server::deliver() {
  size_t start = 0;
  std::vector<pollfd> counted;
  for (auto& running : running_) {
    counted.clear();
    running->instance->watch(counted);
    std::span<const pollfd> own = std::span(entries_).subspan(start, counted.size());
    start += counted.size();
    if (!running->instance->deliver(own)) continue;
    std::atomic_ref(running->run.flags).fetch_or(PL_RUN_EVENT);
    running->idle = false;
  }
}

}  // namespace pl
