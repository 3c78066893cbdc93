// SPDX-License-Identifier: BSD-2-Clause
// A virtual memory area: one run of pages of an address space with one meaning.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/ref.h"
#include "fs/inode.h"
#include "memory/address_space.h"

namespace pl {

struct Span {
  uint64_t start = 0, end = 0;
};

struct Vma : Span {       // page-aligned
  uint64_t offset = 0;    // of start, into the inode
  Ref<Inode> inode;       // null: private anonymous memory
  const char* name = nullptr;
  uint8_t protection = 0, max_protection = 7;
  Sharing sharing = Sharing::Private;
  bool grows_down : 1 = false;
  bool not_in_child : 1 = false;    // MADV_DONTFORK
  bool wiped_in_child : 1 = false;  // MADV_WIPEONFORK
  bool locked : 1 = false;          // mlock(2): nothing is ever paged out, but msync(2) looks at it

  uint64_t page_index(uint64_t address) const { return (offset + (address - start)) >> PageShift; }
  bool shared() const { return sharing == Sharing::Shared; }
  bool writable() const { return protection & ProtectionWrite; }
  uint64_t bytes() const { return end - start; }
  // What RLIMIT_DATA counts (Linux: is_data_mapping): a stack has a limit of its own.
  bool is_data() const { return writable() && !shared() && !grows_down; }
  // Whether `next`, which begins where this ends, is the same thing.
  bool continues_in(const Vma& next) const { return end == next.start && is_one_with(next); }

 private:
  bool is_one_with(const Vma& next) const;
};

}  // namespace pl
