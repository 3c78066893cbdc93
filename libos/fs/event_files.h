// SPDX-License-Identifier: BSD-2-Clause
// eventfd(2) and timerfd_create(2).
#pragma once

#include "fs/file.h"
#include "time/interval.h"
#include "time/timer.h"

namespace pl {

class EventCounter : public File {
 public:
  ErrorOr<uint64_t> seek(int64_t, int) override { return 0; }
  EventCounter(uint64_t initial, bool semaphore, uint32_t flags) : File(flags | 2), count_(initial), semaphore_(semaphore) {}
  ErrorOr<size_t> read(Buffer& to) override;
  ErrorOr<size_t> write(Buffer& from) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return activity_; }
  ErrorOr<Attributes> attributes() override;
  size_t describe(char* out, size_t capacity) override;

 private:
  static constexpr uint64_t Maximum = ~uint64_t(0) - 1;
  uint64_t count_;
  bool semaphore_;
  uint64_t activity_ = 0;
  WaitQueue changed_;
};

class TimerFile : public File, private RealtimeWatcher {
 public:
  ErrorOr<uint64_t> seek(int64_t, int) override { return 0; }
  TimerFile(int clock, uint32_t flags);
  ~TimerFile() override;
  ErrorOr<size_t> read(Buffer& to) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return activity_; }
  ErrorOr<Attributes> attributes() override;
  size_t describe(char* out, size_t capacity) override;
  static constexpr uint32_t Absolute = 1, CancelOnSet = 2;
  ErrorOr<void> set(uint32_t flags, const IntervalValue& value);
  IntervalValue get();
  TimerFile* as_timer() override { return this; }

 private:
  struct Alarm : Timer {
    TimerFile* file;
  };
  void expired();
  void realtime_was_set() override;
  void arm();
  uint64_t now() const { return of_day_ ? realtime_ns() : monotonic_ns(); }
  // Counts what a periodic one has missed since it expired, and waits for the next: when somebody looks, as Linux does, so that a short
  // interval wakes nobody again and again.
  void count_missed();

  Alarm alarm_;
  int clock_;
  bool of_day_ = false;    // counts REALTIME, which can be set; otherwise MONOTONIC
  uint64_t interval_ = 0;  // nanoseconds, as is the next
  uint64_t due_ = 0;       // when it expires next, or did last
  uint64_t expirations_ = 0;
  bool canceled_by_set_ = false, canceled_ = false;  // TFD_TIMER_CANCEL_ON_SET; REALTIME has been set since, which nobody has read yet
  uint64_t activity_ = 0;
  WaitQueue changed_;
};

}  // namespace pl
