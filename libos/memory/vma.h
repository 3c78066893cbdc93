// SPDX-License-Identifier: BSD-2-Clause
// A virtual memory area: one run of pages of an address space with one meaning. The list is a sorted array: looking something up
// writes nothing, which a fork's page faults rely on, and a program has few.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/error.h"
#include "base/ref.h"
#include "fs/inode.h"
#include "memory/address_space.h"

namespace pl {

struct Vma {
  uint64_t start = 0, end = 0;  // page-aligned
  uint64_t offset = 0;          // of start, into the inode
  Ref<Inode> inode;             // null: private anonymous memory
  const char* name = nullptr;
  uint8_t protection = 0, max_protection = 7;
  Sharing sharing = Sharing::Private;
  bool grows_down : 1 = false;
  bool not_in_child : 1 = false;   // MADV_DONTFORK
  bool wiped_in_child : 1 = false;  // MADV_WIPEONFORK
  bool locked : 1 = false;          // mlock(2): nothing is ever paged out, but msync(2) looks at it

  uint64_t page_index(uint64_t address) const { return (offset + (address - start)) >> PageShift; }
  bool shared() const { return sharing == Sharing::Shared; }
  bool writable() const { return protection & ProtectionWrite; }
  // Whether `next`, which begins where this ends, is the same thing.
  bool continues_in(const Vma& next) const;
};

class VmaList {
 public:
  VmaList() = default;
  VmaList(const VmaList&) = delete;
  ~VmaList();

  size_t size() const { return size_; }
  Vma& operator[](size_t i) { return vmas_[i]; }
  const Vma& operator[](size_t i) const { return vmas_[i]; }
  Vma* begin() { return vmas_; }
  Vma* end() { return vmas_ + size_; }
  const Vma* begin() const { return vmas_; }
  const Vma* end() const { return vmas_ + size_; }

  // Index of the first that ends above `address`; size() if none.
  size_t find(uint64_t address) const;
  // The one that holds `address`, or null.
  Vma* holding(uint64_t address) {
    size_t i = find(address);
    return i < size_ && vmas_[i].start <= address ? vmas_ + i : nullptr;
  }

  ErrorOr<void> reserve(size_t additional);
  // After reserve().
  void insert(size_t at, Vma&& vma);
  Vma take(size_t at);
  // Makes `address` a border, if it lies within one. Needs room for one more.
  void split(uint64_t address);
  // Joins what can be one around the border at index i (i - 1 and i).
  void join(size_t i);

  // The lowest or, from the top down, the highest gap of `bytes` within [low, high); 0 if none.
  uint64_t find_gap_below(uint64_t low, uint64_t high, uint64_t bytes) const;

 private:
  Vma* vmas_ = nullptr;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace pl
