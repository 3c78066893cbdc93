// SPDX-License-Identifier: BSD-2-Clause
// Sleeping. A thread sleeps on queues; whoever changes what it waits for wakes the queue. Kernel stacks, not continuations.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/list.h"

namespace pl {

class Thread;

constexpr uint64_t NoDeadline = ~uint64_t(0);  // deadlines are time CSR ticks

struct Waiter {
  Thread* thread = nullptr;
  class WaitQueue* queue = nullptr;
  ListLink<Waiter> link;
  bool exclusive = false;
  bool note = false;  // nobody sleeps: fs/async.h looks at it
};

// May live in any object; all zero is empty. In a template's object it is copied on write like the rest.
class WaitQueue {
 public:
  WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;
  // Whoever still sleeps on it wakes up and looks again.
  ~WaitQueue() { if (!empty()) wake_all(); }
  void add(Waiter& waiter);     // at the end
  void remove(Waiter& waiter);  // if it is queued
  void wake_all();
  void wake_one();
  bool empty() const { return waiters_.empty(); }

 private:
  List<Waiter, &Waiter::link> waiters_;
};

enum class Sleep : uint8_t { Interruptible, Uninterruptible };

// Puts the current thread to sleep until some queue it is on is woken, the deadline passes (TimedOut) or, if interruptible, a signal is
// to be delivered (Interrupted). May return early: check the condition again. No lock held.
ErrorOr<void> sleep(uint64_t deadline, Sleep kind);

// Sleeps on `queue` until `condition()` holds. The waiter is queued before the condition is looked at, so that no wake-up is lost.
template <class Condition>
ErrorOr<void> wait_for(WaitQueue& queue, uint64_t deadline, Sleep kind, Condition condition) {
  Waiter waiter;
  for (;;) {
    queue.add(waiter);
    if (condition()) {
      queue.remove(waiter);
      return {};
    }
    auto woken = sleep(deadline, kind);
    queue.remove(waiter);
    if (!woken) return condition() ? ErrorOr<void>{} : woken;
  }
}

}  // namespace pl
