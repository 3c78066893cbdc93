// SPDX-License-Identifier: BSD-2-Clause
// The table of enclaves. An id is a count of births and a place in the table, so it is never used twice.
#pragma once

#include "core/enclave.h"

namespace pl {

class Table {
 public:
  static constexpr unsigned kIndexBits = 16;
  static constexpr u32 capacity_for(u64 pool_size) {
    const u64 wanted = pool_size >> 15;  // one for each 32 KiB: 32,768 for a pool of 1 GiB
    return wanted < 256 ? 256 : wanted > (1u << kIndexBits) ? 1u << kIndexBits : static_cast<u32>(wanted);
  }

  void initialize(Slot* slots, u32 capacity);
  u32 capacity() const { return capacity_; }

  // A slot with a fresh id for `enclave`, its lock held, as ids can be guessed; null when the table is full.
  Slot* insert(Enclave* enclave);
  // The slot's lock is held. Its id is stale from now on.
  void erase(Slot* slot);
  // The slot that an id names, or null. What the slot says must be checked again under its lock.
  Slot* find(u64 id) const;
  Slot& at(u32 index) const { return slots_[index]; }

  u32 enclaves() const { return __atomic_load_n(&enclaves_, __ATOMIC_RELAXED); }
  u32 templates() const { return __atomic_load_n(&templates_, __ATOMIC_RELAXED); }
  void count_template(int change) { __atomic_fetch_add(&templates_, static_cast<u32>(change), __ATOMIC_RELAXED); }

 private:
  Lock lock_;
  Slot* slots_ = nullptr;
  u32 capacity_ = 0;
  u32 free_ = 0;    // index + 1 of the first freed slot
  u32 unused_ = 0;  // slots from here on were never used
  u32 enclaves_ = 0;
  u32 templates_ = 0;
  u64 births_ = 0;
};

}  // namespace pl
