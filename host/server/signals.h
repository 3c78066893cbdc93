// SPDX-License-Identifier: BSD-2-Clause
// The signals of a terminal on their way into an enclave, without a lost wake-up: the handler writes into the ring and into
// the argument of the next PL_IOC_RUN. A signal before that call is seen by it, a later one interrupts it.
#pragma once

#include <signal.h>
#include <time.h>

#include <atomic>
#include <cstdint>

#include "penglai/ocall.h"

namespace pl {

// One at a time in a process, as signal dispositions are.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The instance in the foreground: signals go to its ring, and set PL_RUN_EVENT in `run_flags`.
  void attach(pl_ring& ring, uint32_t& run_flags);
  void detach();

  // True once after a signal, an alarm, or SIGIO of a descriptor with O_ASYNC: something outside the ring wants a look.
  bool attention() const { return attention_.load(std::memory_order_relaxed); }
  void clear_attention() { attention_.store(false, std::memory_order_relaxed); }
  // Bit n: signal n came while no instance was in the foreground. Taken once.
  uint32_t take_unclaimed() { return unclaimed_.load(std::memory_order_relaxed) ? unclaimed_.exchange(0) : 0; }
  // True once after a signal was written into the ring.
  bool take_event() {
    if (!event_.load(std::memory_order_relaxed)) return false;
    event_.store(false, std::memory_order_relaxed);
    return true;
  }
  // True once after SIGTSTP, when the enclave has had a chance to see it.
  bool take_stop() { return stop_.load(std::memory_order_relaxed) && stop_.exchange(false); }
  // Stops this process as SIGTSTP would have without us; returns when it is continued.
  void stop_self();

  // Blocks what is handled here; the mask before is for ppoll().
  sigset_t block();
  void unblock(const sigset_t& before);

 private:
  static void handle(int number);

  sigset_t handled_{};
  struct sigaction before_[65]{};
  std::atomic<pl_ring*> ring_{nullptr};
  std::atomic<uint32_t*> run_flags_{nullptr};
  std::atomic<uint32_t> unclaimed_{0};
  std::atomic<bool> attention_{false}, event_{false}, stop_{false};
};

// Interrupts the process with SIGALRM, once or again and again.
class Alarm {
 public:
  Alarm();
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  void once_at(uint64_t monotonic);  // nanoseconds of CLOCK_MONOTONIC
  void every(uint64_t nanoseconds);
  void stop();
  bool armed() const { return armed_; }

 private:
  timer_t timer_{};
  bool exists_ = false, armed_ = false;
};

uint64_t monotonic_now();

}  // namespace pl
