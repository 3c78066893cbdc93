// SPDX-License-Identifier: BSD-2-Clause
// A stopped process's memory, a page at a time: what is looked at byte by byte costs one question a page.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "debug/debuggee.h"

namespace pl {

class DebuggeeMemory {
 public:
  DebuggeeMemory(Debuggee& debuggee, uint32_t thread) : debuggee_(debuggee), thread_(thread) {}

  // All of it, or nothing.
  bool read(uint64_t address, std::span<std::byte> to) {
    constexpr uint64_t kPage = 4096;
    constexpr size_t kPagesMost = 4096;
    while (!to.empty()) {
      const uint64_t page = address / kPage * kPage;
      if (pages_.size() == kPagesMost) pages_.clear();
      auto [place, is_new] = pages_.try_emplace(page);
      std::vector<std::byte>& bytes = place->second;
      if (is_new) {
        bytes.resize(kPage);
        bytes.resize(debuggee_.read(thread_, page, bytes).value_or(0));
      }
      const size_t offset = address - page;
      if (offset >= bytes.size()) return false;
      const size_t count = std::min(to.size(), bytes.size() - offset);
      std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(offset), count, to.begin());
      to = to.subspan(count);
      address += count;
    }
    return true;
  }

  template <class T>
  std::optional<T> get(uint64_t address) {
    T value;
    if (!read(address, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
    return value;
  }

 private:
  Debuggee& debuggee_;
  uint32_t thread_;
  std::map<uint64_t, std::vector<std::byte>> pages_;
};

}  // namespace pl
