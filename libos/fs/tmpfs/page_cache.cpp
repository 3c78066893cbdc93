// SPDX-License-Identifier: BSD-2-Clause
#include "fs/tmpfs/page_cache.h"

#include <new>

#include "base/ref.h"

namespace pl {

PageCache::Node* PageCache::new_node() {
  void* memory = heap_allocate(sizeof(Node), alignof(Node));
  return memory ? new (memory) Node{} : nullptr;
}

PhysicalAddress PageCache::find(uint64_t index) const {
  if (height_ * Bits < 64 && index >= span(height_)) return {};
  uint64_t slot = root_;
  for (unsigned h = height_; h && slot; h--) slot = reinterpret_cast<Node*>(slot)->slot[index >> (h - 1) * Bits & (Ways - 1)];
  return PhysicalAddress(slot);
}

ErrorOr<void> PageCache::insert(uint64_t index, FrameRef frame) {
  while (height_ * Bits < 64 && index >= span(height_)) {
    if (root_) {
      Node* node = new_node();
      if (!node) return fail(Errno::NoMemory);
      node->slot[0] = root_;
      root_ = reinterpret_cast<uint64_t>(node);
    }
    ++height_;
  }
  uint64_t* slot = &root_;
  for (unsigned h = height_; h; h--) {
    if (!*slot) {
      Node* node = new_node();
      if (!node) return fail(Errno::NoMemory);
      *slot = reinterpret_cast<uint64_t>(node);
    }
    slot = &reinterpret_cast<Node*>(*slot)->slot[index >> (h - 1) * Bits & (Ways - 1)];
  }
  if (*slot) unref_frame(PhysicalAddress(*slot));
  else ++count_;
  *slot = frame.leak().value;
  return {};
}

void PageCache::remove_below(uint64_t& slot, unsigned height, uint64_t base, uint64_t first, uint64_t end) {
  if (!slot) return;
  if (height == 0) {
    unref_frame(PhysicalAddress(slot));
    slot = 0;
    --count_;
    return;
  }
  auto node = reinterpret_cast<Node*>(slot);
  bool empty = true;
  for (unsigned i = 0; i < Ways; i++) {
    uint64_t low = base + i * span(height - 1), high = low + (span(height - 1) - 1);
    if (node->slot[i] && low < end && high >= first) remove_below(node->slot[i], height - 1, low, first, end);
    empty &= !node->slot[i];
  }
  if (!empty) return;
  heap_free(node, sizeof(Node), alignof(Node));
  slot = 0;
}

void PageCache::remove(uint64_t first, uint64_t end) {
  if (first < end && (height_ || first == 0)) remove_below(root_, height_, 0, first, end);
  if (!root_) height_ = 0;
}

uint64_t PageCache::next_below(uint64_t slot, unsigned height, uint64_t base, uint64_t from) const {
  if (!slot) return ~uint64_t(0);
  if (height == 0) return base >= from ? base : ~uint64_t(0);
  auto node = reinterpret_cast<Node*>(slot);
  for (unsigned i = 0; i < Ways; i++) {
    uint64_t low = base + i * span(height - 1), high = low + (span(height - 1) - 1);
    if (!node->slot[i] || high < from) continue;
    uint64_t found = next_below(node->slot[i], height - 1, low, from);
    if (found != ~uint64_t(0)) return found;
  }
  return ~uint64_t(0);
}

uint64_t PageCache::next(uint64_t from) const { return next_below(root_, height_, 0, from); }

}  // namespace pl
