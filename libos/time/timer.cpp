// SPDX-License-Identifier: BSD-2-Clause
#include "time/timer.h"

#include <utility>

namespace pl {

Timer* TimerHeap::meld(Timer* a, Timer* b) {
  if (!a) return b;
  if (!b) return a;
  if (b->deadline_ < a->deadline_) std::swap(a, b);
  // b becomes a's first child.
  b->next_ = a->child_;
  if (a->child_) a->child_->previous_ = b;
  b->previous_ = a;
  a->child_ = b;
  return a;
}

// Two passes, without recursion: ten thousand sleepers must not need a deep stack.
Timer* TimerHeap::merge_pairs(Timer* first) {
  Timer* pairs = nullptr;  // melded pairs, last first, linked by next_
  while (first) {
    Timer* a = first;
    Timer* b = a->next_;
    first = b ? b->next_ : nullptr;
    a->next_ = a->previous_ = nullptr;
    if (b) b->next_ = b->previous_ = nullptr;
    Timer* pair = meld(a, b);
    pair->next_ = pairs;
    pairs = pair;
  }
  Timer* root = nullptr;
  while (pairs) {
    Timer* pair = std::exchange(pairs, pairs->next_);
    pair->next_ = nullptr;
    root = meld(root, pair);
  }
  return root;
}

void TimerHeap::insert(Timer& timer, uint64_t deadline) {
  remove(timer);
  timer.deadline_ = deadline;
  timer.child_ = timer.next_ = timer.previous_ = nullptr;
  timer.armed_ = true;
  root_ = meld(root_, &timer);
}

void TimerHeap::remove(Timer& timer) {
  if (!timer.armed_) return;
  timer.armed_ = false;
  if (root_ == &timer) {
    root_ = merge_pairs(timer.child_);
  } else {
    (timer.previous_->child_ == &timer ? timer.previous_->child_ : timer.previous_->next_) = timer.next_;
    if (timer.next_) timer.next_->previous_ = timer.previous_;
    root_ = meld(root_, merge_pairs(timer.child_));
  }
  timer.child_ = timer.next_ = timer.previous_ = nullptr;
}

// From parent to first child to sibling, and back up where a list of siblings ends: without recursion, as above.
void TimerHeap::delay(uint64_t ticks) {
  for (Timer* t = root_; t;) {
    t->deadline_ += ticks;
    if (t->child_) {
      t = t->child_;
      continue;
    }
    while (t && !t->next_) {
      while (t->previous_ && t->previous_->child_ != t) t = t->previous_;
      t = t->previous_;
    }
    if (t) t = t->next_;
  }
}

}  // namespace pl
