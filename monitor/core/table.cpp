// SPDX-License-Identifier: BSD-2-Clause
#include "core/table.h"

namespace pl {

void Table::initialize(Slot* slots, u32 capacity) {
  slots_ = slots;
  capacity_ = capacity;
}

Slot* Table::insert(Enclave* enclave) {
  u32 index;
  u64 birth;
  {
    LockGuard guard(lock_);
    if (free_ != 0) {
      index = free_ - 1;
      free_ = slots_[index].next_free;
    } else if (unused_ < capacity_) {
      index = unused_++;
    } else {
      return nullptr;
    }
    birth = ++births_;
    ++enclaves_;
  }
  // Not under the table's lock: erase() takes the two the other way round.
  Slot* slot = &slots_[index];
  slot->lock.acquire();
  slot->enclave = enclave;
  __atomic_store_n(&slot->id, birth << kIndexBits | index, __ATOMIC_RELEASE);
  return slot;
}

void Table::erase(Slot* slot) {
  LockGuard guard(lock_);
  slot->id = 0;
  slot->enclave = nullptr;
  slot->next_free = free_;
  free_ = static_cast<u32>(slot - slots_) + 1;
  --enclaves_;
}

Slot* Table::find(u64 id) const {
  const u64 index = id & ((1u << kIndexBits) - 1);
  if (id == 0 || index >= capacity_) return nullptr;
  Slot* slot = &slots_[index];
  return __atomic_load_n(&slot->id, __ATOMIC_ACQUIRE) == id ? slot : nullptr;
}

}  // namespace pl
