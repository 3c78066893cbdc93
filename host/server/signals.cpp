// SPDX-License-Identifier: BSD-2-Clause
#include "server/signals.h"

#include <cerrno>

#include "penglai/ioctl.h"
#include "penglai/sbi.h"

namespace pl {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};

constexpr uint32_t forwarded_bits() {
  uint32_t bits = 0;
  for (int number : kForwarded) bits |= 1u << number;
  return bits;
}
static_assert(forwarded_bits() == PL_SIGNALS);

// A handler has no argument of its own.
std::atomic<Signals*> current{nullptr};

}  // namespace

uint64_t monotonic_now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

void Signals::handle(int number) {
  Signals* signals = current.load();
  if (!signals) return;
  signals->attention_.store(true);
  if (number == SIGALRM) return;
  if (number == SIGIO) {
    // Unlike an alarm it does not come again: a call that is about to be made returns at once.
    if (uint32_t* flags = signals->run_flags_.load()) std::atomic_ref(*flags).fetch_or(PL_RUN_RETURN);
    return;
  }
  if (number == SIGTSTP) signals->stop_.store(true);
  signals->event_.store(true);
  if (pl_ring* ring = signals->ring_.load()) {
    if (number == SIGWINCH) std::atomic_ref(ring->window_changed).store(1);
    std::atomic_ref(ring->signals).fetch_or(1u << number);
  } else {
    signals->unclaimed_.fetch_or(1u << number);
  }
  if (uint32_t* flags = signals->run_flags_.load()) std::atomic_ref(*flags).fetch_or(PL_RUN_EVENT);
}

Signals::Signals() {
  current.store(this);
  sigemptyset(&handled_);
  auto take = [this](int number) {
    sigaction(number, nullptr, &before_[number]);
    // Ignored for us (nohup, a shell's background job): ignored for the program.
    if (before_[number].sa_handler == SIG_IGN && number != SIGALRM && number != SIGIO) return;
    struct sigaction action {};
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART;  // of file operations; poll() and the device are never restarted (signal(7))
    sigfillset(&action.sa_mask);
    sigaction(number, &action, nullptr);
    sigaddset(&handled_, number);
  };
  for (int number : kForwarded) take(number);
  take(SIGALRM);
  take(SIGIO);
}

Signals::~Signals() {
  for (int number = 1; number < 65; ++number)
    if (sigismember(&handled_, number) == 1) sigaction(number, &before_[number], nullptr);
  current.store(nullptr);
}

void Signals::attach(pl_ring& ring, uint32_t& run_flags) {
  ring_.store(&ring);
  run_flags_.store(&run_flags);
  // What came on the way here is for it.
  if (const uint32_t came = take_unclaimed()) {
    std::atomic_ref(ring.signals).fetch_or(came);
    event_.store(true);
    attention_.store(true);
  }
}

void Signals::detach() {
  ring_.store(nullptr);
  run_flags_.store(nullptr);
}

void Signals::stop_self() {
  struct sigaction usual {}, ours;
  usual.sa_handler = SIG_DFL;
  sigaction(SIGTSTP, &usual, &ours);
  raise(SIGTSTP);  // stops here; an orphaned process group is not stopped (POSIX)
  sigaction(SIGTSTP, &ours, nullptr);
  handle(SIGCONT);  // in the latter case nobody else sends it
}

sigset_t Signals::block() {
  sigset_t before;
  sigprocmask(SIG_BLOCK, &handled_, &before);
  return before;
}

void Signals::unblock(const sigset_t& before) { sigprocmask(SIG_SETMASK, &before, nullptr); }

Alarm::Alarm() {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGALRM;
  exists_ = timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
}

Alarm::~Alarm() {
  if (exists_) timer_delete(timer_);
}

void Alarm::once_at(uint64_t monotonic) {
  itimerspec when{};
  when.it_value = {static_cast<time_t>(monotonic / kSecond), static_cast<long>(monotonic % kSecond)};
  if (exists_) timer_settime(timer_, TIMER_ABSTIME, &when, nullptr);
  armed_ = true;
}

void Alarm::every(uint64_t nanoseconds) {
  itimerspec when{};
  when.it_value = {static_cast<time_t>(nanoseconds / kSecond), static_cast<long>(nanoseconds % kSecond)};
  when.it_interval = when.it_value;
  if (exists_) timer_settime(timer_, 0, &when, nullptr);
  armed_ = true;
}

void Alarm::stop() {
  itimerspec never{};
  if (exists_) timer_settime(timer_, 0, &never, nullptr);
  armed_ = false;
}

}  // namespace pl
