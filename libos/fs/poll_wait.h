// SPDX-License-Identifier: BSD-2-Clause
// Sleeping on many queues at once: what poll, select and epoll_wait have in common.
#pragma once

#include "fs/file.h"
#include "memory/heap.h"
#include "time/clock.h"

namespace pl {

class QueueSet final : public PollTable {
 public:
  QueueSet() = default;
  QueueSet(const QueueSet&) = delete;
  ~QueueSet() {
    clear();
    while (more_) heap_delete(std::exchange(more_, more_->next));
  }
  void watch(WaitQueue& queue) override {
    Waiter* w = take();
    if (w) queue.add(*w);
    else incomplete_ = true;
  }
  void clear() {
    for (size_t i = 0; i < used_; i++) release(few_[i]);
    used_ = 0;
    for (Piece* p = more_; p; p = p->next) {
      for (size_t i = 0; i < p->used; i++) release(p->waiters[i]);
      p->used = 0;
    }
    incomplete_ = false;
  }
  // Some queue could not be watched: look again soon.
  bool incomplete() const { return incomplete_; }

 private:
  static constexpr size_t Few = 4, Many = 32;
  struct Piece {
    Piece* next = nullptr;
    size_t used = 0;
    Waiter waiters[Many];
  };
  static void release(Waiter& w) {
    if (w.queue) w.queue->remove(w);
  }
  Waiter* take() {
    if (used_ < Few) return &few_[used_++];
    if (!more_ || more_->used == Many) {
      auto piece = heap_new<Piece>();
      if (!piece) return nullptr;
      piece->next = more_;
      more_ = piece;
    }
    return &more_->waiters[more_->used++];
  }

  Waiter few_[Few];
  size_t used_ = 0;
  Piece* more_ = nullptr;
  bool incomplete_ = false;
};

// Sleeps until `scan(table)` counts something, the deadline passes (0) or a signal comes. `scan` is called with a table before a
// sleep and with null when there will be none.
template <class Scan>
ErrorOr<size_t> wait_for_events(uint64_t deadline, Scan scan) {
  size_t n = TRY(scan(static_cast<PollTable*>(nullptr)));
  while (n == 0) {
    if (deadline != NoDeadline && ticks_now() >= deadline) return 0;
    QueueSet queues;
    n = TRY(scan(static_cast<PollTable*>(&queues)));
    if (n) break;
    uint64_t until = deadline;
    if (queues.incomplete()) until = std::min(until, ticks_now() + milliseconds_to_ticks(10));
    auto woken = sleep(until, Sleep::Interruptible);
    queues.clear();
    n = TRY(scan(static_cast<PollTable*>(nullptr)));
    if (n == 0 && !woken && woken.error() != Errno::TimedOut) return fail(woken.error());
  }
  return n;
}

}  // namespace pl
