// SPDX-License-Identifier: BSD-2-Clause
// Descriptors that instances wait for, and who waits for each: looking costs as much as there is news, however many wait.
#pragma once

#include <signal.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace pl {

class Readiness {
 public:
  // Someone who waits; forget() it before it goes.
  class Waiter {
    friend class Readiness;
    struct Watched {
      int descriptor;
      uint32_t events;  // 0: not at present
    };
    std::vector<Watched> watched_;
  };
  using Told = std::function<void(Waiter&, int descriptor, uint32_t events)>;

  Readiness();
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  // 0, or the errno for which there is nothing to wait with.
  int error() const { return error_; }

  // `waiter` is told once, when one of `events` (POLLIN, POLLOUT) or an error holds; asking again adds to what it waits for. Several may
  // wait for one descriptor, which stays open until they are forgotten. What cannot be waited for is the answer: the events that hold.
  uint32_t watch(Waiter& waiter, int descriptor, uint32_t events);
  void forget(Waiter& waiter);

  static constexpr int64_t kForever = -1;
  // Tells what there is; waits for it so many nanoseconds at most, with the signal mask `mask` if it is not null.
  // `told` may watch again, but not forget.
  void wait(int64_t nanoseconds, const sigset_t* mask, const Told& told);

 private:
  struct Entry {
    uint32_t armed = 0;  // what the kernel is to report, once
    bool known = false;  // the kernel has it in its set
    std::vector<Waiter*> waiters;
  };
  int arm(int descriptor, Entry& entry, uint32_t events);

  int set_;
  int error_ = 0;
  std::vector<Entry> entries_;  // by descriptor
  std::vector<Waiter*> telling_;
};

}  // namespace pl
