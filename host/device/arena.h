// SPDX-License-Identifier: BSD-2-Clause
// Which pages of the arena are handed out as windows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace pl {

class Arena {
 public:
  static constexpr size_t kPage = 4096;

  Arena() = default;
  explicit Arena(size_t size) : used_((size / kPage + 63) / 64) {
    if (size_t pages = size / kPage % 64) used_.back() = ~uint64_t{0} << pages;
  }

  // First free naturally aligned place for `size` bytes, a power of two of at least a page.
  std::optional<size_t> take(size_t size) {
    const size_t pages = size / kPage, words = std::max<size_t>(pages / 64, 1);
    const uint64_t mask = pages < 64 ? (uint64_t{1} << pages) - 1 : ~uint64_t{0};
    while (start_ < used_.size() && !~used_[start_]) ++start_;
    for (size_t word = (start_ + words - 1) / words * words; word + words <= used_.size(); word += words) {
      for (size_t bit = 0; bit < 64; bit += std::min<size_t>(pages, 64)) {
        const auto piece = used_.begin() + static_cast<std::ptrdiff_t>(word);
        if (!std::all_of(piece, piece + static_cast<std::ptrdiff_t>(words), [&](uint64_t used) { return !(used >> bit & mask); })) continue;
        for (size_t i = 0; i < words; ++i) used_[word + i] |= mask << bit;
        return (word * 64 + bit) * kPage;
      }
    }
    return std::nullopt;
  }

  void give(size_t offset, size_t size) {
    const size_t pages = size / kPage, first = offset / kPage / 64;
    const uint64_t mask = pages < 64 ? ((uint64_t{1} << pages) - 1) << offset / kPage % 64 : ~uint64_t{0};
    for (size_t word = first; word < first + std::max<size_t>(pages / 64, 1); ++word) used_[word] &= ~mask;
    start_ = std::min(start_, first);
  }

 private:
  std::vector<uint64_t> used_;  // a bit a page
  size_t start_ = 0;            // every page of the words before is in use
};

}  // namespace pl
