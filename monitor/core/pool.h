// SPDX-License-Identifier: BSD-2-Clause
// The pool: all memory of enclaves and of the monitor's records about them. A buddy allocator over one naturally aligned
// power of two that knows which free memory is zero, so that only what was written is ever scrubbed.
#pragma once

#include "core/lock.h"
#include "core/types.h"

namespace pl {

enum class Content : u8 { dirty = 0, zero = 1 };

class Pool {
 public:
  static constexpr unsigned kMinOrder = 11;  // a control block; extents are whole pages
  static constexpr unsigned kMaxOrder = 48;

  struct Block {
    PhysicalAddress base;
    Content content;
  };

  // Takes [base, base + 2^order), content unknown. The records of the allocator lie at its start, followed by `records` more
  // bytes for the caller, zeroed; returns where those begin, or null if the pool is too small.
  PhysicalAddress initialize(PhysicalAddress base, unsigned order, u64 records);

  // A naturally aligned block of 2^order bytes; null when there is none.
  Block allocate(unsigned order);
  // Frees a whole block.
  void release(PhysicalAddress base, Content content);
  // Cuts an allocated block: its first `used` bytes (a multiple of the least block, not 0) stay allocated, as blocks that are
  // released one by one; the rest is free.
  void trim(PhysicalAddress base, u64 used, Content tail);
  // Frees what a cut left allocated: `size` bytes from `base` on, all of one content.
  void release_range(PhysicalAddress base, u64 size, Content content);
  // Size of the allocated block at this address.
  u64 size_of(PhysicalAddress base) const;

  PhysicalAddress base() const { return base_; }
  u64 size() const { return u64{1} << order_; }
  u64 free_bytes() const { return free_; }
  u64 largest() const;
  bool overlaps(PhysicalAddress start, u64 size) const {
    return start.value() < base_.value() + this->size() && base_.value() < start.value() + size;
  }

 private:
  // One byte for each least block. 0: inside a larger block.
  static constexpr u8 kFree = 0x80;
  static constexpr u8 kZero = 0x40;
  static constexpr u8 kOrderMask = 0x3f;  // order - kMinOrder + 1
  struct Link {
    u64 next, previous;
  };

  u8& mark(PhysicalAddress block) const { return marks_[(block - base_) >> kMinOrder]; }
  static u8 encode(unsigned order) { return static_cast<u8>(order - kMinOrder + 1); }
  void push(PhysicalAddress block, unsigned order, Content content);
  void remove(PhysicalAddress block, unsigned order, Content content);
  void insert(PhysicalAddress block, unsigned order, Content content);
  void insert_range(PhysicalAddress start, u64 size, Content content);
  Block gather(unsigned order);

  mutable Lock lock_;
  PhysicalAddress base_;
  unsigned order_ = 0;
  u8* marks_ = nullptr;
  u64 free_ = 0;
  u64 available_[2] = {};             // bit n: a free block of order n
  u64 heads_[2][kMaxOrder + 1] = {};  // by content and order
};

}  // namespace pl
