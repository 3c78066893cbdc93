// SPDX-License-Identifier: BSD-2-Clause
// Deadlines: a pairing heap of timers, intrusive, so that arming one never fails.
#pragma once

#include <cstdint>

namespace pl {

class Timer {
 public:
  using Fire = void (*)(Timer&);
  Timer() = default;
  explicit Timer(Fire fire) : fire_(fire) {}
  Timer(const Timer&) = delete;
  void set_function(Fire fire) { fire_ = fire; }
  bool armed() const { return armed_; }
  uint64_t deadline() const { return deadline_; }  // time CSR ticks
  void fire() { fire_(*this); }

 private:
  friend class TimerHeap;
  uint64_t deadline_ = 0;
  Fire fire_ = nullptr;
  Timer* child_ = nullptr;
  Timer* next_ = nullptr;      // sibling
  Timer* previous_ = nullptr;  // sibling before, or the parent of a first child
  bool armed_ = false;
};

class TimerHeap {
 public:
  Timer* first() const { return root_; }
  void insert(Timer& timer, uint64_t deadline);
  void remove(Timer& timer);  // if armed
  void delay(uint64_t ticks);  // all of them

 private:
  static Timer* meld(Timer* a, Timer* b);
  static Timer* merge_pairs(Timer* first);
  Timer* root_ = nullptr;
};

// ---- the instance's timers ----

// Fires once at `deadline` (re-armed if it was armed), from the scheduler, with no lock held. `fire` does not sleep.
void arm_timer(Timer& timer, uint64_t deadline);
void cancel_timer(Timer& timer);
uint64_t next_timer_deadline();  // NoDeadline when there is none
// In a fork whose template had timers running: each keeps the time that it had left.
void delay_timers(uint64_t ticks);
void run_expired_timers(uint64_t now);

}  // namespace pl
