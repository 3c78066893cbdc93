// SPDX-License-Identifier: BSD-2-Clause
// The tree of mappings beside a model of it: an array with one number for each page.
#include "memory/vma_tree.h"

#include <criterion/criterion.h>

#include <random>
#include <vector>

#include "machine.h"

using namespace pl;

namespace {

constexpr uint64_t Low = 65536;

class Model {
 public:
  explicit Model(size_t pages) : pages_(pages) {}

  uint64_t address(size_t page) const { return Low + page * PageSize; }
  size_t random(size_t below) { return std::uniform_int_distribution<size_t>(0, below - 1)(random_); }

  // Pages [first, first + size) get this protection; 0: they are not mapped any more.
  void set(size_t first, size_t size, uint8_t protection) {
    const uint64_t start = address(first), end = address(first + size);
    cr_assert(tree.split(start).has_value());
    cr_assert(tree.split(end).has_value());
    for (auto at = tree.find(start); at && at->start < end; at = tree.find(start)) tree.take(*at);
    if (protection) {
      Vma vma;
      vma.start = start;
      vma.end = end;
      vma.protection = protection;
      cr_assert(tree.insert(std::move(vma)).has_value());
    }
    for (size_t i = first; i < first + size; i++) pages_[i] = protection;
  }
  void protect(size_t first, size_t size, uint8_t protection) {
    const uint64_t start = address(first), end = address(first + size);
    cr_assert(tree.split(start).has_value());
    cr_assert(tree.split(end).has_value());
    for (Vma& vma : tree.within(start, end)) vma.protection = protection;
    tree.join(start, end);
    for (size_t i = first; i < first + size; i++)
      if (pages_[i]) pages_[i] = protection;
  }

  // Each run of pages that are alike is one mapping, with the one before it before it.
  void check() {
    auto at = tree.begin();
    const Vma* before = nullptr;
    for (size_t i = 0; i < pages_.size();) {
      size_t stop = i;
      while (stop < pages_.size() && pages_[stop] == pages_[i]) stop++;
      if (pages_[i]) {
        cr_assert(at && at->start == address(i) && at->end == address(stop) && at->protection == pages_[i], "page %zu", i);
        cr_assert_eq(tree.before(at->start), before);
        cr_assert_eq(tree.holding(address(i + (stop - i) / 2)), &*at);
        before = &*at;
        ++at;
      } else {
        cr_assert_null(tree.holding(address(i)));
      }
      i = stop;
    }
    cr_assert(!at);
    cr_assert_eq(tree.before(~uint64_t(0)), before);
  }
  void check_gap(size_t low, size_t high, size_t size) {
    uint64_t expected = 0;
    size_t free = 0;
    for (size_t i = high; i-- > low && free < size;) {
      free = pages_[i] ? 0 : free + 1;
      if (free == size) expected = address(i);
    }
    cr_assert_eq(tree.find_gap_below(address(low), address(high), size * PageSize), expected, "%zu pages in [%zu, %zu)", size, low, high);
  }

  VmaTree tree;

 private:
  std::vector<uint8_t> pages_;
  std::minstd_rand random_;
};

}  // namespace

Test(vma_tree, mappings_made_changed_and_taken_away_anywhere_are_found_as_they_are) {
  constexpr size_t Pages = 20000;
  Model model(Pages);
  // By turns there are more, up to some thousands, and fewer, down to none.
  for (unsigned turn = 0; turn < 6; turn++) {
    for (unsigned i = 0; i < 6000; i++) {
      const bool fewer = turn % 2;
      const size_t first = model.random(Pages - 40), size = 1 + model.random(fewer ? 30 : 3);
      switch (model.random(4)) {
        case 0: model.protect(first, size, uint8_t(1 + model.random(3))); break;
        case 1: model.set(first, size, fewer ? 0 : uint8_t(1 + model.random(3))); break;
        default: model.set(first, 1 + model.random(fewer ? 40 : 2), uint8_t(fewer ? 0 : 1 + model.random(3)));
      }
      if (i % 200) continue;
      model.check();
      for (unsigned j = 0; j < 20; j++) {
        const size_t low = model.random(Pages), high = low + 1 + model.random(Pages - low);
        model.check_gap(low, high, 1 + model.random(20));
        model.check_gap(0, Pages, 1 + model.random(200));
      }
    }
    if (turn % 2) model.set(0, Pages, 0);
    model.check();
  }
}

Test(vma_tree, mappings_in_a_row_upwards_or_downwards_are_found_as_they_are) {
  constexpr size_t Pages = 3000;
  for (bool upwards : {true, false}) {
    Model model(Pages);
    for (size_t i = 0; i < Pages; i++) model.set(upwards ? i : Pages - 1 - i, 1, uint8_t(1 + i % 2));
    model.check();
    for (size_t i = 0; i < Pages - 1; i++) model.set(upwards ? i : Pages - 1 - i, 1, 0);
    model.check();
  }
}

Test(vma_tree, an_end_that_moves_is_where_gaps_are_looked_for) {
  constexpr size_t Pages = 4000;
  Model model(Pages);
  for (size_t i = 0; i < Pages; i += 4) model.set(i, 1, 1);
  model.check_gap(0, Pages, 3);
  model.check_gap(0, Pages - 4, 4);
  // One that grows and one that shrinks, as stacks and the program's break do.
  Vma* vma = model.tree.holding(model.address(2000));
  model.tree.resize(*vma, vma->start - 3 * PageSize, vma->end);
  cr_assert_eq(model.tree.holding(model.address(1997)), vma);
  model.tree.resize(*vma, vma->start + 4 * PageSize - PageSize / 2, vma->end);
  cr_assert_eq(model.tree.find_gap_below(model.address(1996), model.address(2004), 3 * PageSize + PageSize / 2), model.address(1997));
}

Test(vma_tree, what_finds_no_memory_leaves_all_as_it_was) {
  constexpr size_t Pages = 2000;
  Model model(Pages);
  for (size_t i = 0; i < Pages; i++) model.set(model.random(Pages / 8) * 8, 6, uint8_t(1 + i % 3));
  machine::limit_heap(0);
  unsigned failed = 0;
  for (size_t i = 2; i < Pages; i += 8) {
    if (!model.tree.holding(model.address(i))) continue;
    if (model.tree.split(model.address(i)))
      model.protect(i, 4, 4);
    else
      failed++;
    model.check();
  }
  cr_assert_gt(failed, 0u);
}
