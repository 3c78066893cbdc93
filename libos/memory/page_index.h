// SPDX-License-Identifier: BSD-2-Clause
// Frames by number: a table that grows with the highest number in use.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "memory/frame.h"

namespace pl {

class PageIndex {
 public:
  PageIndex() = default;
  PageIndex(const PageIndex&) = delete;
  ~PageIndex();

  // Null where there is none.
  PhysicalAddress find(uint64_t index) const;
  // Takes the reference over; lets go of what was there.
  ErrorOr<void> set(uint64_t index, FrameRef frame);
  // Everything from `index` on.
  void truncate(uint64_t index);

 private:
  // Groups, so that a large sparse file costs little.
  static constexpr uint64_t GroupEntries = 128;
  struct Group { PhysicalAddress frames[GroupEntries]; };
  ErrorOr<void> reserve(uint64_t groups);

  Group** groups_ = nullptr;
  uint64_t capacity_ = 0;
};

}  // namespace pl
