// SPDX-License-Identifier: BSD-2-Clause
#include "memory/page_index.h"

#include <cstring>

#include "memory/heap.h"

namespace pl {

PageIndex::~PageIndex() {
  truncate(0);
  for (uint64_t i = 0; i < capacity_; i++) heap_delete(groups_[i]);
  heap_free(groups_, capacity_ * sizeof(Group*), alignof(Group*));
}

PhysicalAddress PageIndex::find(uint64_t index) const {
  uint64_t group = index / GroupEntries;
  if (group >= capacity_ || !groups_[group]) return {};
  return groups_[group]->frames[index % GroupEntries];
}

ErrorOr<void> PageIndex::reserve(uint64_t groups) {
  if (groups <= capacity_) return {};
  uint64_t capacity = capacity_ * 2 > groups ? capacity_ * 2 : groups;
  if (capacity > (uint64_t(1) << 24)) return fail(Errno::NoMemory);
  auto** larger = static_cast<Group**>(heap_allocate(capacity * sizeof(Group*), alignof(Group*)));
  if (!larger) return fail(Errno::NoMemory);
  std::memset(larger, 0, capacity * sizeof(Group*));
  if (capacity_) std::memcpy(larger, groups_, capacity_ * sizeof(Group*));
  heap_free(groups_, capacity_ * sizeof(Group*), alignof(Group*));
  groups_ = larger;
  capacity_ = capacity;
  return {};
}

ErrorOr<void> PageIndex::set(uint64_t index, FrameRef frame) {
  TRY(reserve(index / GroupEntries + 1));
  Group*& group = groups_[index / GroupEntries];
  if (!group && !(group = heap_new<Group>())) return fail(Errno::NoMemory);
  PhysicalAddress& place = group->frames[index % GroupEntries];
  PhysicalAddress old = place;
  place = frame.leak();
  if (old) unref_frame(old);
  return {};
}

void PageIndex::truncate(uint64_t index) {
  for (uint64_t i = index / GroupEntries; i < capacity_; i++) {
    if (!groups_[i]) continue;
    for (uint64_t j = 0; j < GroupEntries; j++) {
      PhysicalAddress& place = groups_[i]->frames[j];
      if (i * GroupEntries + j < index || !place) continue;
      unref_frame(place);
      place = {};
    }
  }
}

}  // namespace pl
