// SPDX-License-Identifier: BSD-2-Clause
// The ocall window as the server sees it: memory that the enclave may change at any time. Values are copied in once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>

#include "penglai/ocall.h"

namespace pl {

class Window {
 public:
  explicit Window(std::span<std::byte> bytes) : bytes_(bytes) {}

  uint32_t size() const { return static_cast<uint32_t>(bytes_.size()); }
  pl_ring& ring() const { return *reinterpret_cast<pl_ring*>(bytes_.data()); }
  std::byte* at(size_t offset) const { return bytes_.data() + offset; }

  static uint32_t load(uint32_t& word) { return std::atomic_ref(word).load(std::memory_order_acquire); }
  static void store(uint32_t& word, uint32_t value) { std::atomic_ref(word).store(value, std::memory_order_release); }

  pl_request request(uint32_t index) const {
    uint64_t words[sizeof(pl_request) / 8];
    auto* from = reinterpret_cast<uint64_t*>(at(PL_RING_REQUESTS + index % PL_RING_ENTRIES * sizeof(pl_request)));
    for (uint64_t& word : words) word = std::atomic_ref(*from++).load(std::memory_order_relaxed);
    pl_request copy;
    std::memcpy(&copy, words, sizeof copy);
    return copy;
  }
  void put_reply(uint32_t index, const pl_reply& reply) const {
    std::memcpy(at(PL_RING_REPLIES + index % PL_RING_ENTRIES * sizeof(pl_reply)), &reply, sizeof reply);
  }

  // Part of the data area, if it is one.
  std::optional<std::span<std::byte>> data(uint64_t offset, uint64_t length) const {
    if (offset < PL_RING_DATA || offset > bytes_.size() || length > bytes_.size() - offset) return std::nullopt;
    return bytes_.subspan(offset, length);
  }

  // Text that the enclave left for a person, made harmless for a terminal: lines of printable ASCII.
  static std::string printable(const char* text, size_t limit);

 private:
  std::span<std::byte> bytes_;
};
static_assert(sizeof(pl_request) == 64 && sizeof(pl_reply) == 16 && sizeof(pl_ring) <= PL_RING_REQUESTS);

}  // namespace pl
