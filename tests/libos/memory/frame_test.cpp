// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <set>
#include <vector>

#include "machine.h"
#include "memory/frame_allocator.h"
#include "memory/page_index.h"

using namespace pl;

Test(frames, the_lowest_comes_first_so_that_a_freeze_gives_back_the_rest) {
  machine::start_cold();
  uint64_t last = 0;
  for (int i = 0; i < 100; i++) {
    auto frame = allocate_frame();
    cr_assert(frame.has_value());
    cr_assert_gt(frame->value, last);
    last = frame->value;
  }
}

Test(frames, a_reused_frame_is_zero) {
  machine::start_cold();
  for (int i = 0; i < 50; i++) {
    auto frame = FrameRef::allocate();
    cr_assert(frame.has_value());
    for (size_t j = 0; j < PageSize; j++) cr_assert_eq(uint8_t(frame->data()[j]), 0);
    std::memset(frame->data(), 0xa5, PageSize);
  }
}

Test(frames, each_reference_counts) {
  machine::start_cold();
  FrameRef a = *FrameRef::allocate();
  PhysicalAddress place = a.address();
  {
    FrameRef b = a, c = FrameRef::share(place);
    cr_assert_eq(frames::references(place), 3u);
    cr_assert(!frames::is_exclusive(place));
  }
  cr_assert(frames::is_exclusive(place));
  a = FrameRef();
  cr_assert_eq(frames::references(place), 0u);
}

Test(frames, a_template_s_frame_is_never_counted_or_given_out_again) {
  machine::start_cold();
  FrameRef a = *FrameRef::allocate();
  PhysicalAddress place = a.address();
  machine::become_fork();
  cr_assert(frame_is_frozen(place));
  cr_assert(!frames::is_exclusive(place));
  unref_frame(place);
  unref_frame(place);
  for (int i = 0; i < 200; i++) cr_assert_neq((*allocate_frame()).value, place.value);
  a.leak();
}

Test(frames, what_was_given_back_before_a_freeze_is_zero_after_it) {
  machine::start_cold();
  std::vector<PhysicalAddress> places;
  for (int i = 0; i < 5; i++) {
    places.push_back(*allocate_frame());
    std::memset(frame_pointer(places.back()), 0xa5, PageSize);
  }
  for (int i = 1; i < 5; i++) unref_frame(places[i]);
  machine::become_fork();
  for (int i = 0; i < 5; i++)
    for (size_t j = 0; j < PageSize; j++) cr_assert_eq(static_cast<uint8_t*>(frame_pointer(places[i]))[j], i ? 0 : 0xa5);
}

Test(frames, a_forks_further_extents_are_small_at_first_and_reach_beyond_a_gigabyte_before_pmp_entries_run_out) {
  machine::start_cold();
  machine::become_fork();
  uint64_t bytes = frames::totals().bytes, step[6] = {};
  for (int n = 0; n < 6;) {
    cr_assert(allocate_frame().has_value());
    if (frames::totals().bytes != bytes) {
      step[n++] = frames::totals().bytes - bytes;
      bytes = frames::totals().bytes;
    }
  }
  cr_assert_eq(step[0], 16u << 10);
  cr_assert_eq(step[1], 16u << 10);
  cr_assert_eq(step[2], 64u << 10);
  cr_assert_eq(step[3], 256u << 10);
  cr_assert_eq(step[4], 1u << 20);
  cr_assert_eq(step[5], 4u << 20);
}

Test(frames, no_two_owners_share_a_frame_and_none_overlaps_the_counts) {
  machine::start_cold();
  machine::become_fork();
  std::set<uint64_t> seen;
  for (int i = 0; i < 1500; i++) {
    auto frame = allocate_frame();
    cr_assert(frame.has_value());
    cr_assert(seen.insert(frame->value).second);
    std::memset(frame_pointer(*frame), 0xff, PageSize);
  }
  for (uint64_t frame : seen) cr_assert_eq(frames::references(PhysicalAddress(frame)), 1u);
}

Test(frames, the_last_ones_are_kept_for_the_libos_s_own_faults) {
  machine::start_cold();
  machine::become_fork();
  machine::limit_extents(1);
  while (allocate_frame()) {
  }
  cr_assert(frames::allocate_zeroed(frames::Urgency::Urgent).has_value());
  cr_assert(frames::allocate_for_copy(frames::Urgency::Urgent).has_value());
  cr_assert(!frames::allocate_for_copy(frames::Urgency::Urgent).has_value());
}

Test(page_index, keeps_pages_by_number_and_lets_go_of_a_tail) {
  machine::start_cold();
  uint64_t used = machine::frames_in_use();
  {
    PageIndex index;
    for (uint64_t i : {0u, 5u, 127u, 128u, 100000u}) cr_assert(index.set(i, *FrameRef::allocate()).has_value());
    cr_assert(index.find(128));
    cr_assert(!index.find(129));
    cr_assert(!index.find(1u << 30));
    index.truncate(127);
    cr_assert(index.find(5));
    cr_assert(!index.find(127));
    cr_assert(!index.find(100000));
    cr_assert_eq(machine::frames_in_use(), used + 2);
  }
  cr_assert_eq(machine::frames_in_use(), used);
}
