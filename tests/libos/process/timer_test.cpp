// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <memory>
#include <random>
#include <set>
#include <vector>

#include "time/clock.h"
#include "time/timer.h"

using namespace pl;

Test(timer, the_first_is_always_the_earliest) {
  TimerHeap heap;
  std::mt19937 random(7);
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 500; ++i) timers.push_back(std::make_unique<Timer>());
  std::multiset<uint64_t> model;
  for (int i = 0; i < 50000; ++i) {
    Timer& timer = *timers[random() % timers.size()];
    if (timer.armed()) model.erase(model.find(timer.deadline()));
    if (random() % 3) {
      uint64_t deadline = random() % 1000;
      heap.insert(timer, deadline);
      model.insert(deadline);
    } else {
      heap.remove(timer);
    }
    cr_assert_eq(heap.first() != nullptr, !model.empty());
    if (heap.first()) cr_assert_eq(heap.first()->deadline(), *model.begin());
  }
}

Test(timer, ten_thousand_sleepers_leave_in_order) {
  TimerHeap heap;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 10000; ++i) {
    timers.push_back(std::make_unique<Timer>());
    heap.insert(*timers.back(), uint64_t(10000 - i));
  }
  uint64_t last = 0;
  while (Timer* first = heap.first()) {
    cr_assert_geq(first->deadline(), last);
    last = first->deadline();
    heap.remove(*first);
  }
  cr_expect_eq(last, 10000u);
}

Test(tick_rate, no_sleep_is_too_short_at_any_timebase) {
  for (uint64_t timebase : {32768u, 1000000u, 10000000u, 24000000u, 1000000000u}) {
    TickRate rate = TickRate::of(timebase);
    for (uint64_t ns : {0ull, 1ull, 99ull, 100ull, 101ull, 999999999ull, 1000000000ull, 86400ull * 1000000000}) {
      uint64_t ticks = rate.from_nanoseconds(ns);
      cr_expect((unsigned __int128)ticks * 1000000000 >= (unsigned __int128)ns * timebase, "%lu %lu", timebase, ns);
      cr_expect((unsigned __int128)(ticks ? ticks - 1 : 0) * 1000000000 <= (unsigned __int128)ns * timebase);
    }
  }
}

Test(tick_rate, at_ten_megahertz_a_tick_is_a_hundred_nanoseconds) {
  TickRate rate = TickRate::of(10000000);
  cr_expect_eq(rate.to_nanoseconds(123456789), 12345678900u);
  cr_expect_eq(rate.to_nanoseconds(uint64_t(1) << 55), (uint64_t(1) << 55) * 100);
}

Test(tick_rate, an_endless_time_saturates) {
  TickRate rate = TickRate::of(10000000);
  cr_expect_eq(rate.from(TimeSpec{INT64_MAX, 999999999}), uint64_t(1) << 62);
}

Test(timer, a_delay_moves_all_of_them_and_keeps_their_order) {
  TimerHeap heap;
  std::mt19937 random(11);
  std::vector<std::unique_ptr<Timer>> timers;
  std::multiset<uint64_t> model;
  for (int i = 0; i < 2000; ++i) {
    timers.push_back(std::make_unique<Timer>());
    heap.insert(*timers.back(), random() % 5000);
    // Some leave, so that the heap is more than one list.
    if (i % 3 == 0) heap.remove(*heap.first());
  }
  for (auto& timer : timers)
    if (timer->armed()) model.insert(timer->deadline() + 777);
  heap.delay(777);
  for (uint64_t deadline : model) {
    cr_assert_eq(heap.first()->deadline(), deadline);
    heap.remove(*heap.first());
  }
  cr_expect_null(heap.first());
  heap.delay(1);
}
