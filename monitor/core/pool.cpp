// SPDX-License-Identifier: BSD-2-Clause
#include "core/pool.h"

#include "arch/memory.h"

namespace pl {

namespace {

// How many free blocks a search for a mixed block may look at: keeps one call within its time.
constexpr unsigned kGatherSteps = 16384;

u64 round_up(u64 value, u64 unit) { return (value + unit - 1) & ~(unit - 1); }

}  // namespace

PhysicalAddress Pool::initialize(PhysicalAddress base, unsigned order, u64 records) {
  const u64 size = u64{1} << order;
  const u64 marks = round_up(size >> kMinOrder, kPageSize);
  const u64 used = marks + round_up(records, kPageSize);
  if (used > size / 2) return PhysicalAddress();
  base_ = base;
  order_ = order;
  marks_ = base.as<u8>();
  arch::zero(base, used);
  insert_range(base + used, size - used, Content::dirty);
  return base + marks;
}

void Pool::push(PhysicalAddress block, unsigned order, Content content) {
  const auto kind = static_cast<unsigned>(content);
  Link* link = block.as<Link>();
  const u64 head = heads_[kind][order];
  link->next = head;
  link->previous = 0;
  if (head != 0) PhysicalAddress(head).as<Link>()->previous = block.value();
  heads_[kind][order] = block.value();
  available_[kind] |= u64{1} << order;
  mark(block) = kFree | (content == Content::zero ? kZero : 0) | encode(order);
}

void Pool::remove(PhysicalAddress block, unsigned order, Content content) {
  const auto kind = static_cast<unsigned>(content);
  Link* link = block.as<Link>();
  if (link->next != 0) PhysicalAddress(link->next).as<Link>()->previous = link->previous;
  if (link->previous != 0) {
    PhysicalAddress(link->previous).as<Link>()->next = link->next;
  } else {
    heads_[kind][order] = link->next;
    if (link->next == 0) available_[kind] &= ~(u64{1} << order);
  }
  *link = {};  // a zero block is all zero but for its link
  mark(block) = 0;
}

// Joins with its free buddy as long as both hold the same: a mixed block would make zero memory be scrubbed again.
void Pool::insert(PhysicalAddress block, unsigned order, Content content) {
  const u8 flags = kFree | (content == Content::zero ? kZero : 0);
  while (order < order_) {
    const PhysicalAddress buddy = base_ + ((block - base_) ^ (u64{1} << order));
    if (mark(buddy) != (flags | encode(order))) break;
    remove(buddy, order, content);
    if (buddy < block) block = buddy;
    ++order;
  }
  push(block, order, content);
}

void Pool::insert_range(PhysicalAddress start, u64 size, Content content) {
  free_ += size;
  while (size != 0) {
    const u64 offset = start - base_;
    unsigned order = 63 - static_cast<unsigned>(__builtin_clzll(size));
    if (offset != 0 && log2_of(offset & -offset) < order) order = log2_of(offset & -offset);
    insert(start, order, content);
    start = start + (u64{1} << order);
    size -= u64{1} << order;
  }
}

Pool::Block Pool::allocate(unsigned order) {
  if (order < kMinOrder || order > order_) return {};
  LockGuard guard(lock_);
  const u64 fits = ~u64{0} << order;
  Content content = Content::zero;
  u64 orders = available_[1] & fits;
  if (orders == 0) {
    content = Content::dirty;
    orders = available_[0] & fits;
    if (orders == 0) return gather(order);
  }
  unsigned from = log2_of(orders & -orders);
  const PhysicalAddress block(heads_[static_cast<unsigned>(content)][from]);
  remove(block, from, content);
  while (from > order) {
    --from;
    push(block + (u64{1} << from), from, content);
  }
  mark(block) = encode(order);
  free_ -= u64{1} << order;
  return {block, content};
}

// No free block is large enough, but neighbours of different content may make one together.
Pool::Block Pool::gather(unsigned order) {
  const u64 size = u64{1} << order;
  unsigned steps = 0;
  for (u64 start = 0; start < this->size(); start += size) {
    u64 offset = start;
    while (offset < start + size) {
      const u8 state = mark(base_ + offset);
      if (!(state & kFree) || ++steps > kGatherSteps) break;
      offset += u64{1} << ((state & kOrderMask) - 1 + kMinOrder);
    }
    if (steps > kGatherSteps) return {};
    if (offset < start + size) continue;
    for (offset = start; offset < start + size;) {
      const PhysicalAddress block = base_ + offset;
      const u8 state = mark(block);
      const unsigned part = (state & kOrderMask) - 1 + kMinOrder;
      remove(block, part, state & kZero ? Content::zero : Content::dirty);
      offset += u64{1} << part;
    }
    mark(base_ + start) = encode(order);
    free_ -= size;
    return {base_ + start, Content::dirty};
  }
  return {};
}

void Pool::release(PhysicalAddress base, Content content) {
  LockGuard guard(lock_);
  const unsigned order = mark(base) - 1 + kMinOrder;
  free_ += u64{1} << order;
  insert(base, order, content);
}

void Pool::trim(PhysicalAddress base, u64 used, Content tail) {
  LockGuard guard(lock_);
  u64 size = u64{1} << (mark(base) - 1 + kMinOrder);
  if (used >= size) return;
  const PhysicalAddress end = base + used;
  const u64 freed = size - used;
  // The kept part, largest pieces first: as its start is aligned to the whole, each piece is aligned to itself.
  while (used != 0) {
    const unsigned order = 63 - static_cast<unsigned>(__builtin_clzll(used));
    mark(base) = encode(order);
    base = base + (u64{1} << order);
    used -= u64{1} << order;
  }
  insert_range(end, freed, tail);
}

void Pool::release_range(PhysicalAddress base, u64 size, Content content) {
  LockGuard guard(lock_);
  free_ += size;
  while (size != 0) {
    const unsigned order = mark(base) - 1 + kMinOrder;
    insert(base, order, content);
    base = base + (u64{1} << order);
    size -= u64{1} << order;
  }
}

u64 Pool::size_of(PhysicalAddress base) const { return u64{1} << (mark(base) - 1 + kMinOrder); }

u64 Pool::largest() const {
  LockGuard guard(lock_);
  const u64 orders = available_[0] | available_[1];
  return orders == 0 ? 0 : u64{1} << (63 - __builtin_clzll(orders));
}

}  // namespace pl
