// SPDX-License-Identifier: BSD-2-Clause
// Which pages of the arena are handed out as windows.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace pl {

class Arena {
 public:
  static constexpr size_t kPage = 4096;

  Arena() = default;
  explicit Arena(size_t size) : used_(size / kPage) {}

  // First free naturally aligned place for `size` bytes, a power of two of at least a page.
  std::optional<size_t> take(size_t size) {
    size_t pages = size / kPage;
    for (size_t first = 0; first + pages <= used_.size(); first += pages) {
      size_t free = 0;
      while (free < pages && !used_[first + free]) ++free;
      if (free < pages) continue;
      mark(first, pages, true);
      return first * kPage;
    }
    return std::nullopt;
  }

  void give(size_t offset, size_t size) { mark(offset / kPage, size / kPage, false); }

 private:
  void mark(size_t first, size_t pages, bool used) {
    for (size_t page = first; page < first + pages; ++page) used_[page] = used;
  }
  std::vector<bool> used_;
};

}  // namespace pl
