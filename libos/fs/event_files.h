// SPDX-License-Identifier: BSD-2-Clause
// eventfd(2) and timerfd_create(2).
#pragma once

#include "fs/file.h"
#include "time/interval.h"
#include "time/timer.h"

namespace pl {

class EventCounter : public File {
 public:
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
  TimerFile(int clock, uint32_t flags);
  ~TimerFile() override;
  ErrorOr<size_t> read(Buffer& to) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return activity_; }
  ErrorOr<Attributes> attributes() override;
  size_t describe(char* out, size_t capacity) override;
  static constexpr uint32_t Absolute = 1, CancelOnSet = 2;
  ErrorOr<void> set(uint32_t flags, const IntervalValue& value);
  IntervalValue get() const;
  TimerFile* as_timer() override { return this; }

 private:
  struct Alarm : Timer {
    TimerFile* file;
  };
  void expired();
  void realtime_was_set() override;
  void arm_for_moment();

  Alarm alarm_;
  int clock_;
  uint64_t interval_ = 0;  // ticks
  uint64_t moment_ = 0;    // of REALTIME, in nanoseconds, that it waits for; 0: it counts ticks, and nobody can set those
  uint64_t expirations_ = 0;
  bool canceled_by_set_ = false, canceled_ = false;  // TFD_TIMER_CANCEL_ON_SET; REALTIME has been set since, which nobody has read yet
  uint64_t activity_ = 0;
  WaitQueue changed_;
};

}  // namespace pl
