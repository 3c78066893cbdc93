// SPDX-License-Identifier: BSD-2-Clause
#include "fs/event_files.h"

#include <algorithm>
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
  return (count_ ? poll_event::In : 0) | (count_ < Maximum ? poll_event::Out : 0);
}

ErrorOr<Attributes> EventCounter::attributes() { return anonymous_attributes(); }

size_t EventCounter::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "anon_inode:[eventfd]";
  return text.length();
}

// ---- timers ----

TimerFile::TimerFile(int clock, uint32_t flags) : File(flags | open_flag::ReadWrite), clock_(clock) {
  alarm_.file = this;
  alarm_.set_function([](Timer& t) { static_cast<Alarm&>(t).file->expired(); });
}

TimerFile::~TimerFile() {
  cancel_timer(alarm_);
  unwatch_realtime(*this);
}

void TimerFile::arm() {
  if (auto deadline = deadline_of(of_day_ ? ClockRealtime : ClockMonotonic, to_timespec(due_))) arm_timer(alarm_, *deadline);
}

void TimerFile::expired() {
  ++expirations_;
  ++activity_;
  changed_.wake_all();
}

void TimerFile::count_missed() {
  if (!expirations_ || !interval_ || alarm_.armed()) return;
  uint64_t at = now(), missed = at > due_ ? (at - due_) / interval_ : 0;
  expirations_ += missed;
  due_ = std::min<uint64_t>(due_ + (missed + 1) * interval_, INT64_MAX);
  arm();
}

ErrorOr<size_t> TimerFile::read(Buffer& to) {
  if (to.left() < sizeof expirations_) return fail(Errno::Invalid);
  if (!expirations_ && !canceled_) {
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait_for(changed_, NoDeadline, Sleep::Interruptible, [this] { return expirations_ || canceled_; }));
  }
  if (std::exchange(canceled_, false)) {
    expirations_ = 0;
    return fail(Errno::Canceled);
  }
  count_missed();
  uint64_t n = std::exchange(expirations_, 0);
  TRY(to.put(&n, sizeof n));
  return sizeof n;
}

uint32_t TimerFile::poll(PollTable* table) {
  if (table) table->watch(changed_);
  return expirations_ || canceled_ ? poll_event::In : 0;
}

ErrorOr<void> TimerFile::set(uint32_t flags, const IntervalValue& value) {
  if (!value.value.valid() || !value.interval.valid()) return fail(Errno::Invalid);
  cancel_timer(alarm_);
  unwatch_realtime(*this);
  expirations_ = 0;
  interval_ = saturating_nanoseconds(value.interval);
  of_day_ = flags & Absolute && (clock_ == ClockRealtime || clock_ == ClockRealtimeAlarm);
  canceled_by_set_ = of_day_ && flags & CancelOnSet;
  if (value.value.seconds || value.value.nanoseconds) {
    uint64_t wanted = saturating_nanoseconds(value.value), start = now();
    if (!(flags & Absolute)) {
      wanted += start;
    } else if (clock_ == ClockBoottime || clock_ == ClockBoottimeAlarm) {
      uint64_t skipped = tick_rate().to_nanoseconds(clock_offsets().skipped_ticks);
      wanted = wanted > skipped ? wanted - skipped : 0;
    }
    due_ = std::min<uint64_t>(wanted, INT64_MAX);
    arm();
  }
  if (of_day_) watch_realtime(*this);
  // timerfd_create(2): the timer is set all the same.
  return canceled_by_set_ && std::exchange(canceled_, false) ? ErrorOr<void>(fail(Errno::Canceled)) : ErrorOr<void>();
}

void TimerFile::realtime_was_set() {
  if (alarm_.armed()) arm();
  if (!canceled_by_set_) return;
  canceled_ = true;
  ++activity_;
  changed_.wake_all();
}

IntervalValue TimerFile::get() {
  count_missed();
  uint64_t at = now(), left = !alarm_.armed() ? 0 : due_ > at ? due_ - at : 1;
  return {to_timespec(interval_), to_timespec(left)};
}

ErrorOr<Attributes> TimerFile::attributes() { return anonymous_attributes(); }

size_t TimerFile::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "anon_inode:[timerfd]";
  return text.length();
}

}  // namespace pl
