// SPDX-License-Identifier: BSD-2-Clause
// Items move as bytes: nothing in a Vma or a Node depends on where it lies.
#include "memory/vma_tree.h"

#include <cstring>
#include <new>
#include <utility>

namespace pl {
bool Vma::is_one_with(const Vma& next) const {
  if (!(inode == next.inode) || name != next.name || protection != next.protection ||
      max_protection != next.max_protection || sharing != next.sharing || grows_down != next.grows_down ||
      not_in_child != next.not_in_child || wiped_in_child != next.wiped_in_child || locked != next.locked)
    return false;
  return !inode || offset + (end - start) == next.offset;
}

// Nodes. `level` is the node's own, 0 for a leaf.

template <class Item>
Item* VmaTree::first_above(const Node& node, uint64_t address) {
  auto* items = reinterpret_cast<Item*>(node.items);
  size_t low = 0, high = node.size;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (items[middle].end > address)
      high = middle;
    else
      low = middle + 1;
  }
  return items + low;
}

// The last child if there is none above `address`.
VmaTree::Node& VmaTree::child_for(const Node& node, uint64_t address) {
  Node* child = first_above<Node>(node, address);
  return child < node.children() + node.size ? *child : child[-1];
}

struct VmaTree::Items {
  static size_t bytes(unsigned level) { return level ? sizeof(Node) : sizeof(Vma); }

  static std::byte* at(const Node& node, unsigned level, size_t i) { return node.items + i * bytes(level); }
  static const Span& span(const Node& node, unsigned level, size_t i) { return *reinterpret_cast<const Span*>(at(node, level, i)); }

  static std::byte* make_room(Node& node, unsigned level, size_t i) {
    std::byte* room = at(node, level, i);
    std::memmove(room + bytes(level), room, (node.size++ - i) * bytes(level));
    return room;
  }
  static void close_room(Node& node, unsigned level, size_t i) {
    std::byte* room = at(node, level, i);
    std::memmove(room, room + bytes(level), (--node.size - i) * bytes(level));
  }

  static ErrorOr<std::byte*> allocate(unsigned level, uint32_t capacity) {
    auto* items = static_cast<std::byte*>(heap_allocate(capacity * bytes(level), alignof(Vma)));
    if (!items) return fail(Errno::NoMemory);
    return items;
  }
  static void free(Node& node, unsigned level) { heap_free(node.items, node.capacity * bytes(level), alignof(Vma)); }

  static void summarize(Node& node, unsigned level) {
    node.start = span(node, level, 0).start;
    node.end = node.start;
    node.gap = 0;
    for (size_t i = 0; i < node.size; i++) {
      const Span& next = span(node, level, i);
      uint64_t gap = next.start - node.end;
      if (level && node.children()[i].gap > gap) gap = node.children()[i].gap;
      if (gap > node.gap) node.gap = gap;
      node.end = next.end;
    }
  }

  // What is above the middle of child i becomes its neighbour. `address` is where there will be more.
  static ErrorOr<void> split(Node& parent, unsigned level, size_t i, uint64_t address) {
    Node& lower = parent.children()[i];
    Node upper;
    upper.capacity = NodeSize;
    upper.items = TRY(allocate(level, NodeSize));
    uint32_t kept = lower.size / 2;
    // Mappings often come in a row, which leaves full nodes.
    if (i == 0 && address < span(lower, level, 0).end) kept = 1;
    if (i + 1 == parent.size && address >= span(lower, level, lower.size - 1).start) kept = lower.size - 1;
    upper.size = lower.size - kept;
    lower.size = kept;
    std::memcpy(upper.items, at(lower, level, kept), upper.size * bytes(level));
    summarize(lower, level);
    summarize(upper, level);
    new (make_room(parent, level + 1, i + 1)) Node(upper);
    return {};
  }

  // Children i and i + 1 become one if that leaves it half empty.
  static bool merge(Node& parent, unsigned level, size_t i) {
    Node &lower = parent.children()[i], &upper = parent.children()[i + 1];
    if (lower.size + upper.size > NodeSize / 2) return false;
    std::memcpy(at(lower, level, lower.size), upper.items, upper.size * bytes(level));
    lower.size += upper.size;
    summarize(lower, level);
    free(upper, level);
    close_room(parent, level + 1, i + 1);
    return true;
  }

  static void release(Node& node, unsigned level) {
    for (size_t i = 0; i < node.size; i++)
      if (level)
        release(node.children()[i], level - 1);
      else
        node.mappings()[i].~Vma();
    free(node, level);
  }

  // Goes down from `top`, which it lowers to where it has looked.
  static uint64_t find_gap(const Node& node, unsigned level, uint64_t low, uint64_t& top, uint64_t bytes) {
    for (size_t i = node.size; i-- > 0 && top > low;) {
      const Span& next = span(node, level, i);
      if (next.start >= top) continue;
      uint64_t bottom = next.end > low ? next.end : low;
      if (top > bottom && top - bottom >= bytes) return top - bytes;
      if (level && node.children()[i].gap >= bytes)
        if (uint64_t place = find_gap(node.children()[i], level - 1, low, top, bytes)) return place;
      if (next.start < top) top = next.start;
    }
    return 0;
  }
};

VmaTree::~VmaTree() { Items::release(root_, height_); }

// Paths.

VmaTree::Path VmaTree::path_to(uint64_t address) {
  Path path;
  path.nodes[height_] = &root_;
  for (unsigned level = height_; level > 0; level--) path.nodes[level - 1] = &child_for(*path.nodes[level], address);
  return path;
}

void VmaTree::summarize(const Path& path) {
  for (unsigned level = 0; level < height_; level++) Items::summarize(*path.nodes[level], level);
}

VmaTree::Place VmaTree::place_for(uint64_t address) const {
  const Node* node = &root_;
  for (unsigned level = height_; level > 0; level--) node = &child_for(*node, address);
  return {node, first_above<Vma>(*node, address)};
}

Vma* VmaTree::find_holding(uint64_t address) const {
  auto [leaf, at] = place_for(address);
  if (at == leaf->stop() || at->start > address) return nullptr;
  return recent_ = at;
}

Vma* VmaTree::before(Place place) const {
  if (place.at != place.leaf->mappings()) return place.at - 1;
  // The last one of the nearest node to the left.
  const Node *node = &root_, *left = nullptr;
  unsigned left_level = 0;
  for (unsigned level = height_; level > 0; level--) {
    const Node* child = &child_for(*node, place.at->start);
    if (child != node->children()) {
      left = child - 1;
      left_level = level - 1;
    }
    node = child;
  }
  if (!left) return nullptr;
  for (; left_level > 0; left_level--) left = &left->children()[left->size - 1];
  return left->stop() - 1;
}

// Changes.

ErrorOr<void> VmaTree::reserve_leaf() {
  root_.items = TRY(Items::allocate(0, FirstSize));
  root_.capacity = FirstSize;
  return {};
}

ErrorOr<void> VmaTree::grow_root() {
  if (height_ == 0 && root_.capacity < NodeSize) {
    std::byte* items = TRY(Items::allocate(0, NodeSize));
    if (root_.size) std::memcpy(items, root_.items, root_.size * sizeof(Vma));
    Items::free(root_, 0);
    root_.items = items;
    root_.capacity = NodeSize;
    return {};
  }
  if (height_ + 1 == MostLevels) return fail(Errno::NoMemory);
  Node above;
  above.capacity = NodeSize;
  above.items = TRY(Items::allocate(height_ + 1, NodeSize));
  Items::summarize(root_, height_);
  new (above.items) Node(root_);
  above.size = 1;
  root_ = above;
  height_++;
  return {};
}

// `place`: where it belongs.
ErrorOr<void> VmaTree::add(Vma&& vma, Place place) {
  if (count_ >= MostMappings) return fail(Errno::NoMemory);
  recent_ = nullptr;
  auto i = size_t(place.at - place.leaf->mappings());
  if (root_.size == root_.capacity) TRY(grow_root());
  Path path;
  path.nodes[height_] = &root_;
  // Full nodes are split on the way down: each split is complete by itself, so one that finds no memory leaves a tree.
  for (unsigned level = height_; level > 0; level--) {
    Node& node = *path.nodes[level];
    Node* child = &child_for(node, vma.start);
    if (child->size == NodeSize) {
      TRY(Items::split(node, level - 1, size_t(child - node.children()), vma.start));
      child = &child_for(node, vma.start);
    }
    path.nodes[level - 1] = child;
  }
  Node& leaf = *path.nodes[0];
  if (height_ > 0) i = size_t(first_above<Vma>(leaf, vma.start) - leaf.mappings());
  account(vma, vma.bytes());
  new (Items::make_room(leaf, 0, i)) Vma(std::move(vma));
  count_++;
  summarize(path);
  return {};
}

Vma VmaTree::take(Vma& vma) {
  recent_ = nullptr;
  Path path = path_to(vma.start);
  account(vma, -vma.bytes());
  Vma taken(std::move(vma));
  Items::close_room(*path.nodes[0], 0, size_t(&vma - path.nodes[0]->mappings()));
  count_--;
  for (unsigned level = 0; level < height_; level++) {
    Node &node = *path.nodes[level], &parent = *path.nodes[level + 1];
    auto i = size_t(&node - parent.children());
    if (node.size == 0) {
      Items::free(node, level);
      Items::close_room(parent, level + 1, i);
      continue;
    }
    Items::summarize(node, level);
    if (i + 1 < parent.size && Items::merge(parent, level, i)) continue;
    if (i > 0) Items::merge(parent, level, i - 1);
  }
  while (height_ > 0 && root_.size == 1) {
    Node only = root_.children()[0];
    Items::free(root_, height_--);
    root_ = only;
  }
  return taken;
}

void VmaTree::resize(Vma& vma, uint64_t start, uint64_t end) {
  Path path = path_to(vma.start);
  account(vma, end - start - vma.bytes());
  vma.start = start;
  vma.end = end;
  summarize(path);
}

void VmaTree::set_protection(Vma& vma, uint8_t protection) {
  account(vma, -vma.bytes());
  vma.protection = protection;
  account(vma, vma.bytes());
}

ErrorOr<void> VmaTree::insert(Vma&& vma) {
  Place place = place_for(vma.start);
  Vma *below = before(place), *above = place.at != place.leaf->stop() ? place.at : nullptr;
  bool joins_above = above && vma.continues_in(*above);
  if (below && below->continues_in(vma)) {
    uint64_t end = joins_above ? above->end : vma.end;
    if (joins_above) {
      take(*above);
      below = holding(vma.start - 1);
    }
    resize(*below, below->start, end);
  } else if (joins_above) {
    above->offset = vma.offset;
    resize(*above, vma.start, above->end);
  } else {
    return add(std::move(vma), place);
  }
  return {};
}

ErrorOr<void> VmaTree::split(uint64_t address) {
  Vma* at = holding(address);
  if (!at || at->start == address) return {};
  Vma upper = *at;
  upper.start = address;
  upper.offset += address - at->start;
  uint64_t end = upper.end;
  resize(*at, at->start, address);
  auto added = add(std::move(upper), place_for(address));
  if (!added) {
    Vma& whole = *holding(address - 1);
    resize(whole, whole.start, end);
  }
  return added;
}

void VmaTree::join(uint64_t start, uint64_t end) {
  for (Iterator at = seek(start - 1); at && at->end <= end;) {
    Iterator next = at.next();
    if (!next) return;
    if (!at->continues_in(*next)) {
      at = next;
      continue;
    }
    uint64_t lowest = at->start, highest = next->end;
    take(*next);
    at = seek(lowest);
    resize(*at, lowest, highest);
  }
}

uint64_t VmaTree::find_gap_below(uint64_t low, uint64_t high, uint64_t bytes) const {
  uint64_t top = high;
  if (uint64_t place = Items::find_gap(root_, height_, low, top, bytes)) return place;
  return top > low && top - low >= bytes ? top - bytes : 0;
}

}  // namespace pl
