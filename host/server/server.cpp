// SPDX-License-Identifier: BSD-2-Clause
#include "server/server.h"

#include <algorithm>
#include <cerrno>
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

}  // namespace

Server::Server(Device& device, Signals* signals, Log log)
    : device_(device), signals_(signals), log_(std::move(log)) {}

Server::~Server() {
  ready_.clear();
  readiness_.forget(interrupted_);
  while (!running_.empty()) remove(running_.begin()->second);
}

Server::Running& Server::add(Instance& instance, int handle) {
  Running& running = running_[&instance];
  running.instance = &instance;
  running.run.handle = handle;
  running.run.flags = run_flags_;
  ready_.push_back(&running);
  if (!foreground_ && has_foreground_) {
    foreground_ = &running;
    if (signals_) signals_->attach(instance.window().ring(), running.run.flags);
  }
  return running;
}

void Server::add_fork(Instance& instance, uint64_t template_id, const Windows& windows, uint64_t memory_limit) {
  Running& running = add(instance, -1);
  running.spawned = false;
  running.spawn.template_id = template_id;
  running.spawn.memory_limit = memory_limit;
  running.spawn.window[PL_WINDOW_OCALL] = windows.ocall;
  running.spawn.window[PL_WINDOW_SHARED] = windows.shared;
  running.spawn.window[PL_WINDOW_RELAY] = windows.relay;
  running.spawn.flags = run_flags_ & PL_RUN_DESTROY ? 0 : PL_SPAWN_KEEP;
}

void Server::add_enclave(Instance& instance, int handle) { add(instance, handle); }

void Server::set_timeout(uint64_t monotonic) {
  if (monotonic == timeout_) return;
  timeout_ = monotonic;
  if (!signals_) return;  // nobody would take the alarm: looked at between two entries
  if (monotonic)
    timeout_alarm_.once_at(monotonic);
  else
    timeout_alarm_.stop();
}

void Server::end(Instance& instance) {
  auto found = running_.find(&instance);
  if (found == running_.end()) return;
  std::erase(ready_, &found->second);
  remove(found->second);
}

void Server::kill(Instance& instance) {
  if (!running_.contains(&instance)) return;
  end(instance);
  killed_.push_back({Ending::Kind::Killed, 0, &instance, -1});
}

void Server::signal(Instance& instance, int number) {
  auto found = running_.find(&instance);
  if (found == running_.end() || !(PL_SIGNALS >> number & 1)) return;
  pl_ring& ring = instance.window().ring();
  if (number == SIGWINCH) std::atomic_ref(ring.window_changed).store(1);
  std::atomic_ref(ring.signals).fetch_or(1u << number);
  std::atomic_ref(found->second.run.flags).fetch_or(PL_RUN_EVENT);
  wake(found->second);
}

Server::Look Server::look_at(const Instance& instance) const {
  auto found = running_.find(&instance);
  if (found == running_.end()) return {};
  return {found->second.run.handle, found->second.idle};
}

// It is not in ready_.
void Server::remove(Running& running) {
  if (running.run.handle >= 0) pl_enclave_destroy(device_.get(), running.run.handle);
  if (interruption_) interruption_->enter(nullptr, nullptr);
  if (foreground_ == &running) {
    foreground_ = nullptr;
    if (signals_) signals_->detach();
  }
  if (running.idle) deadlines_.erase({running.deadline, &running});
  readiness_.forget(running);
  running_.erase(running.instance);
}

// PL_IOC_SPAWN the first time, PL_IOC_RUN from then on. The answer is in running.run either way.
int Server::enter(Running& running) {
  if (running.spawned) return pl_enclave_run(device_.get(), &running.run);
  pl_ioc_spawn& spawn = running.spawn;
  spawn.handle = -1;
  if (turn_flag()) std::atomic_ref(spawn.flags).fetch_or(PL_SPAWN_TURN);
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
  remove(running);
  return true;
}

void Server::sleep(Running& running, uint64_t deadline) {
  running.idle = true;
  running.deadline = deadline;
  if (deadline != kNever) deadlines_.emplace(deadline, &running);
}

void Server::wake(Running& running) {
  if (!running.idle || running.instance->is_held()) return;
  running.idle = false;
  if (running.deadline != kNever) deadlines_.erase({running.deadline, &running});
  ready_.push_back(&running);
}

// Runs an instance until it idles, ends (true), or something else wants attention.
bool Server::step(Running& running, Ending& ending) {
  using enum Ending::Kind;
  Instance& instance = *running.instance;
  for (int turn = 0; turn < kTurn; ++turn) {
    if (signals_ && !tick_.armed() && (running_.size() > 1 || instance.waiting())) tick_.every(kTick);
    int code = enter(running);
    if (code == -EINTR) {
      // That is done with; what asked for it is looked at now.
      for (uint32_t* flags : {&running.run.flags, &running.spawn.flags}) std::atomic_ref(*flags).fetch_and(~PL_RUN_RETURN);
      return false;
    }
    if (code < 0) return finish(running, ending, Failed, static_cast<uint64_t>(-code));

    // Order matters against the handler, which sets the event first and the flag second.
    std::atomic_ref(running.run.flags).store(run_flags_ | turn_flag(), std::memory_order_relaxed);
    if (&running == foreground_ && signals_ && signals_->take_event()) std::atomic_ref(running.run.flags).fetch_or(PL_RUN_EVENT);

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
        sleep(running, now + kStarvingPause);
        return false;
      }
      default: break;
    }
    running.starving_since = 0;
    if (reason == PL_LEFT_INTERRUPT && turn_flag()) return false;
    const Instance::Served served = instance.serve();
    if (served == Instance::Served::Broken) return finish(running, ending, Protocol, 0);
    if (instance.relay_is_back()) {
      ending = {Relay, 0, &instance, running.run.handle};
      return true;
    }
    if (instance.is_held()) {
      sleep(running, kNever);
      return false;
    }
    if (Window::load(instance.window().ring().log_length) != 0)
      if (std::string text = instance.take_log(); !text.empty() && log_) log_(instance, text);
    if (reason == PL_LEFT_IDLE) {
      if (served == Instance::Served::Replied) {  // it asked something on its way to sleep
        std::atomic_ref(running.run.flags).fetch_or(PL_RUN_EVENT);
        continue;
      }
      sleep(running, running.run.detail);
      return false;
    }
    if ((signals_ && signals_->attention()) || (interruption_ && interruption_->asked())) return false;
  }
  return false;
}

void Server::resume(Instance& instance) {
  instance.return_relay();
  ready_.push_back(&running_.at(&instance));
}

Ending Server::next() {
  if (!interruption_) return run_to_an_end();
  Running& only = running_.begin()->second;
  interruption_->enter(&only.run.flags, &only.spawn.flags);
  readiness_.watch(interrupted_, interruption_->descriptor(), POLLIN);
  Ending ending = run_to_an_end();
  interruption_->enter(nullptr, nullptr);
  return ending;
}

Ending Server::run_to_an_end() {
  Ending ending{};
  if (readiness_.error()) {
    ready_.clear();
    finish(running_.begin()->second, ending, Ending::Kind::Failed, static_cast<uint64_t>(readiness_.error()));
    return ending;
  }
  for (;;) {
    if (timeout_ && monotonic_now() >= timeout_) {
      timeout_ = 0;
      return {Ending::Kind::Timeout, 0, nullptr, -1};
    }
    if (interruption_ && interruption_->asked()) return {Ending::Kind::Interrupted, 0, nullptr, -1};
    attend();
    if (!killed_.empty()) {
      ending = killed_.back();
      killed_.pop_back();
      return ending;
    }
    while (round_ && !ready_.empty() && !(signals_ && signals_->attention())) {
      --round_;
      Running& running = *ready_.front();
      ready_.pop_front();
      if (step(running, ending)) {
        if (running_.empty()) tick_.stop();
        return ending;
      }
      if (!running.idle) ready_.push_back(&running);
      watch(running);
    }
    stop_if_asked();
    // An event that came since it went idle is for it to see.
    if (foreground_ && foreground_->idle && Window::load(foreground_->run.flags) & PL_RUN_EVENT) wake(*foreground_);
    if (ready_.empty())
      wait();
    else if (running_.size() > 1)
      collect();
    round_ = ready_.size();
  }
}

// After a signal or an alarm.
void Server::attend() {
  if (!signals_ || !signals_->attention()) return;
  signals_->clear_attention();
  alarmed_ = true;
  collect();
  if (hook_) hook_();
  if (tick_.armed() && running_.size() == 1 && !running_.begin()->second.instance->waiting()) tick_.stop();
}

// SIGTSTP: the enclave has seen it first, so that a program that cares has put its screen in order.
void Server::stop_if_asked() {
  if (!signals_ || !foreground_ || Window::load(foreground_->run.flags) & PL_RUN_EVENT) return;
  if (!signals_->take_stop()) return;
  Terminal& terminal = foreground_->instance->terminal();
  terminal.restore();
  signals_->stop_self();
  terminal.reapply();
}

// Has it told when what it waits for is there.
void Server::watch(Running& running) {
  entries_.clear();
  running.instance->watch(entries_);
  for (const pollfd& entry : entries_)
    if (uint32_t now = readiness_.watch(running, entry.fd, static_cast<uint32_t>(entry.events))) told(running, entry.fd, now);
}

void Server::told(Running& running, int descriptor, uint32_t events) {
  const bool news = running.instance->deliver(descriptor, events);
  if (news) std::atomic_ref(running.run.flags).fetch_or(PL_RUN_EVENT);
  // What it waits for besides is watched again when it idles again.
  if (news) wake(running);
  if (running.instance->is_held()) watch(running);  // it does not go on before its debugger has more to say
}

// News that is there already, without waiting.
void Server::collect() { look(0, nullptr); }

// All instances are idle: until news, a deadline or a signal.
void Server::wait() {
  // The tick goes on for a while: an instance that idles for less than that is not worth stopping it for.
  if (tick_.armed() && alarmed_) tick_.stop();
  alarmed_ = false;
  uint64_t deadline = timeout_ ? timeout_ : kNever;
  if (!deadlines_.empty()) deadline = std::min(deadline, deadlines_.begin()->first);
  sigset_t before{};
  if (signals_) before = signals_->block();
  if (!signals_ || !signals_->attention()) {
    int64_t left = Readiness::kForever;
    if (deadline != kNever) {
      const uint64_t now = monotonic_now();
      left = static_cast<int64_t>(std::min<uint64_t>(deadline > now ? deadline - now : 0, INT64_MAX));
    }
    look(left, signals_ ? &before : nullptr);
  }
  if (signals_) signals_->unblock(before);
}

void Server::look(int64_t nanoseconds, const sigset_t* mask) {
  readiness_.wait(nanoseconds, mask, [this](Readiness::Waiter& waiter, int descriptor, uint32_t events) {
    if (&waiter != &interrupted_) told(static_cast<Running&>(waiter), descriptor, events);
  });
  wake_due();
}

void Server::wake_due() {
  if (deadlines_.empty()) return;
  const uint64_t now = monotonic_now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) wake(*deadlines_.begin()->second);
}

}  // namespace pl
