// SPDX-License-Identifier: BSD-2-Clause
// The pages of a file in memory: a sparse map from page index to frame, a radix tree of 64-way nodes. A file of one page has no node.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "memory/frame.h"

namespace pl {

class PageCache {
 public:
  PageCache() = default;
  PageCache(const PageCache&) = delete;
  ~PageCache() { remove(0, ~uint64_t(0)); }

  // Null where there is a hole. No reference is taken.
  PhysicalAddress find(uint64_t index) const;
  // Replaces what was there.
  ErrorOr<void> insert(uint64_t index, FrameRef frame);
  void remove(uint64_t first, uint64_t end);  // [first, end)
  // The first index from `from` on that has a frame, or ~0.
  uint64_t next(uint64_t from) const;
  uint64_t count() const { return count_; }

 private:
  static constexpr unsigned Bits = 6, Ways = 1u << Bits;
  struct Node { uint64_t slot[Ways]; };
  static uint64_t span(unsigned height) { return height * Bits >= 64 ? ~uint64_t(0) : uint64_t(1) << height * Bits; }
  void remove_below(uint64_t& slot, unsigned height, uint64_t base, uint64_t first, uint64_t end);
  uint64_t next_below(uint64_t slot, unsigned height, uint64_t base, uint64_t from) const;
  static Node* new_node();

  uint64_t root_ = 0;    // a frame at height 0, else a node
  unsigned height_ = 0;  // covers span(height_) indices
  uint64_t count_ = 0;
};

}  // namespace pl
