// SPDX-License-Identifier: BSD-2-Clause
#include "fs/event_files.h"

#include <utility>

#include "fs/abi.h"
#include "fs/text.h"

namespace pl {

ErrorOr<size_t> EventCounter::read(Buffer& to) {
  if (to.left() < sizeof count_) return fail(Errno::Invalid);
  if (!count_) {
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait_for(changed_, NoDeadline, Sleep::Interruptible, [this] { return count_ != 0; }));
  }
  uint64_t value = semaphore_ ? 1 : count_;
  count_ -= value;
  ++activity_;
  changed_.wake_all();
  TRY(to.put(&value, sizeof value));
  return sizeof value;
}

ErrorOr<size_t> EventCounter::write(Buffer& from) {
  uint64_t value;
  if (from.left() < sizeof value) return fail(Errno::Invalid);
  TRY(from.take(&value, sizeof value));
  if (value > Maximum) return fail(Errno::Invalid);
  if (value > Maximum - count_) {
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait_for(changed_, NoDeadline, Sleep::Interruptible, [&] { return value <= Maximum - count_; }));
  }
  count_ += value;
  ++activity_;
  changed_.wake_all();
  return sizeof value;
}

uint32_t EventCounter::poll(PollTable* table) {
  if (table) table->watch(changed_);
  return (count_ ? poll_event::Readable : 0) | (count_ < Maximum ? poll_event::Writable : 0);
}

ErrorOr<Attributes> EventCounter::attributes() { return anonymous_attributes(); }

size_t EventCounter::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "anon_inode:[eventfd]";
  return text.length();
}

// ---- timers ----

TimerFile::TimerFile(int clock, uint32_t flags) : File(flags), clock_(clock) {
  alarm_.file = this;
  alarm_.set_function([](Timer& t) { static_cast<Alarm&>(t).file->expired(); });
}

TimerFile::~TimerFile() {
  cancel_timer(alarm_);
  unwatch_realtime(*this);
}

void TimerFile::arm_for_moment() {
  auto deadline = deadline_of(ClockRealtime, to_timespec(moment_));
  if (deadline) arm_timer(alarm_, *deadline);
}

void TimerFile::expired() {
  ++expirations_;
  ++activity_;
  if (interval_ && moment_) {
    // As below, in the clock's own time: when it is set forward the moments in between count.
    uint64_t now = realtime_ns(), period = tick_rate().to_nanoseconds(interval_), missed = now > moment_ ? (now - moment_) / period : 0;
    expirations_ += missed;
    moment_ += (missed + 1) * period;
    arm_for_moment();
  } else if (interval_) {
    // Those that were missed count, and the next one is in the future.
    uint64_t now = ticks_now(), next = alarm_.deadline() + interval_;
    if (next <= now) {
      uint64_t missed = (now - next) / interval_ + 1;
      expirations_ += missed;
      next += missed * interval_;
    }
    arm_timer(alarm_, next);
  }
  changed_.wake_all();
}

ErrorOr<size_t> TimerFile::read(Buffer& to) {
  if (to.left() < sizeof expirations_) return fail(Errno::Invalid);
  if (!expirations_ && !canceled_) {
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait_for(changed_, NoDeadline, Sleep::Interruptible, [this] { return expirations_ || canceled_; }));
  }
  uint64_t n = std::exchange(expirations_, 0);
  if (std::exchange(canceled_, false)) return fail(Errno::Canceled);
  TRY(to.put(&n, sizeof n));
  return sizeof n;
}

uint32_t TimerFile::poll(PollTable* table) {
  if (table) table->watch(changed_);
  return expirations_ || canceled_ ? poll_event::Readable : 0;
}

ErrorOr<void> TimerFile::set(uint32_t flags, const IntervalValue& value) {
  if (!value.value.valid() || !value.interval.valid()) return fail(Errno::Invalid);
  cancel_timer(alarm_);
  unwatch_realtime(*this);
  expirations_ = 0;
  moment_ = 0;
  interval_ = tick_rate().from(value.interval);
  const bool of_day = flags & Absolute && (clock_ == ClockRealtime || clock_ == ClockRealtimeAlarm);
  canceled_by_set_ = of_day && flags & CancelOnSet;
  if (value.value.seconds || value.value.nanoseconds) {
    if (of_day) {
      moment_ = saturating_nanoseconds(value.value);
      arm_for_moment();
    } else {
      arm_timer(alarm_, flags & Absolute ? TRY(deadline_of(clock_, value.value)) : ticks_now() + tick_rate().from(value.value));
    }
  }
  if (moment_ || canceled_by_set_) watch_realtime(*this);
  // timerfd_create(2): the timer is set all the same.
  return canceled_by_set_ && std::exchange(canceled_, false) ? ErrorOr<void>(fail(Errno::Canceled)) : ErrorOr<void>();
}

void TimerFile::realtime_was_set() {
  if (alarm_.armed() && moment_) arm_for_moment();
  if (!canceled_by_set_) return;
  canceled_ = true;
  ++activity_;
  changed_.wake_all();
}

IntervalValue TimerFile::get() const {
  uint64_t now = ticks_now(), left = alarm_.armed() && alarm_.deadline() > now ? alarm_.deadline() - now : alarm_.armed() ? 1 : 0;
  return {to_timespec(tick_rate().to_nanoseconds(interval_)), to_timespec(tick_rate().to_nanoseconds(left))};
}

ErrorOr<Attributes> TimerFile::attributes() { return anonymous_attributes(); }

size_t TimerFile::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "anon_inode:[timerfd]";
  return text.length();
}

}  // namespace pl
