// SPDX-License-Identifier: BSD-2-Clause
// The mappings of an address space by address: a B+-tree, every operation O(log n). A program with few of them has a root that is a leaf, a
// sorted array: looking something up there writes nothing, and a change writes to that array alone, so a fork copies one page for it.
#pragma once

#include <cstddef>
#include <type_traits>

#include "base/error.h"
#include "memory/vma.h"

namespace pl {

constexpr uint32_t MostMappings = 65530;  // vm.max_map_count

class VmaTree {
  // A node, as its parent knows it.
  struct Node : Span {           // from the start of its first mapping to the end of its last; of the root not kept
    uint64_t gap = 0;            // the widest between two of its mappings; likewise
    std::byte* items = nullptr;  // Vma[] of a leaf, else Node[]
    uint32_t size = 0, capacity = 0;

    Vma* mappings() const { return reinterpret_cast<Vma*>(items); }
    Node* children() const { return reinterpret_cast<Node*>(items); }
    Vma* stop() const { return mappings() + size; }
  };

  // Until the tree is changed.
  template <class V>
  class Cursor {
   public:
    explicit operator bool() const { return at_ != leaf_end_; }
    V& operator*() const { return *at_; }
    V* operator->() const { return at_; }
    Cursor& operator++() {
      if (++at_ == leaf_end_ && tree_->height_) *this = tree_->seek(at_[-1].end);
      return *this;
    }
    Cursor next() const { return ++Cursor(*this); }
    operator Cursor<const V>() const { return {tree_, at_, leaf_end_}; }

    struct Stop { uint64_t address; };
    bool operator==(Stop stop) const { return at_ == leaf_end_ || at_->start >= stop.address; }

   private:
    friend class VmaTree;
    friend class Cursor<std::remove_const_t<V>>;
    Cursor(const VmaTree* tree, Vma* at, Vma* leaf_end) : tree_(tree), at_(at), leaf_end_(leaf_end) {}
    const VmaTree* tree_;
    Vma *at_, *leaf_end_;
  };

  template <class C>
  struct Range {
    C first;
    uint64_t stop;
    C begin() const { return first; }
    typename C::Stop end() const { return {stop}; }
  };

 public:
  using Iterator = Cursor<Vma>;
  using ConstIterator = Cursor<const Vma>;

  VmaTree() = default;
  VmaTree(const VmaTree&) = delete;
  ~VmaTree();

  Iterator begin() { return seek(0); }
  ConstIterator begin() const { return seek(0); }
  Iterator::Stop end() { return {~uint64_t(0)}; }
  ConstIterator::Stop end() const { return {~uint64_t(0)}; }
  // Those of which something lies in [start, end).
  Range<Iterator> within(uint64_t start, uint64_t end) { return {seek(start), end}; }
  Range<ConstIterator> within(uint64_t start, uint64_t end) const { return {seek(start), end}; }
  // The first that ends above `address`.
  Iterator find(uint64_t address) { return seek(address); }
  ConstIterator find(uint64_t address) const { return seek(address); }
  // The one that holds `address`, or null.
  Vma* holding(uint64_t address) const {
    if (recent_ && recent_->start <= address && address < recent_->end) return recent_;
    return find_holding(address);
  }
  // The last that ends at or below `address`, or null.
  Vma* before(uint64_t address) const { return before(place_for(address)); }

  // Room for the first ones.
  ErrorOr<void> reserve_leaf();
  // Where nothing is. Becomes one with what it continues.
  ErrorOr<void> insert(Vma&& vma);
  Vma take(Vma& vma);
  void resize(Vma& vma, uint64_t start, uint64_t end);
  void set_protection(Vma& vma, uint8_t protection);
  // Makes `address` a border, if it lies within one.
  ErrorOr<void> split(uint64_t address);
  // Joins what can be one around each border in [start, end].
  void join(uint64_t start, uint64_t end);

  // Of all mappings together, and of those that RLIMIT_DATA counts.
  uint64_t mapped_bytes() const { return mapped_; }
  uint64_t data_bytes() const { return data_; }

  // The highest place of `bytes` in a gap within [low, high); 0 if there is none.
  uint64_t find_gap_below(uint64_t low, uint64_t high, uint64_t bytes) const;

 private:
  static constexpr uint32_t NodeSize = 32, FirstSize = 16;
  static constexpr unsigned MostLevels = 16;  // never reached: each level takes eight times the insertions of the one below
  struct Path { Node* nodes[MostLevels]; };  // by level: from the leaf, 0, to the root
  struct Items;

  struct Place {
    const Node* leaf;
    Vma* at;
  };
  template <class Item> static Item* first_above(const Node& node, uint64_t address);
  static Node& child_for(const Node& node, uint64_t address);
  Place place_for(uint64_t address) const;
  Vma* find_holding(uint64_t address) const;
  Iterator seek(uint64_t address) const {
    Place place = place_for(address);
    return {this, place.at, place.leaf->stop()};
  }
  Path path_to(uint64_t address);
  void summarize(const Path& path);
  ErrorOr<void> grow_root();
  Vma* before(Place place) const;
  ErrorOr<void> add(Vma&& vma, Place place);

  void account(const Vma& vma, uint64_t more) {  // less: two's complement
    mapped_ += more;
    if (vma.is_data()) data_ += more;
  }

  // Where holding() found one last, as page faults come close together. Null once mappings have moved.
  mutable Vma* recent_ = nullptr;
  Node root_;
  uint32_t height_ = 0, count_ = 0;
  uint64_t mapped_ = 0, data_ = 0;
};

}  // namespace pl
