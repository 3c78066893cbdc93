// SPDX-License-Identifier: BSD-2-Clause
#include "base/lock.h"

#include "arch/context.h"
#include "base/log.h"

namespace pl::detail {
namespace {

constexpr unsigned WordsPerRank = 4;
PL_HOT_FRESH constinit std::atomic<uint32_t> words[unsigned(Rank::Count)][WordsPerRank]{};

}  // namespace

std::atomic<uint32_t>& lock_word(Rank rank, const void* object) {
  // Objects are at least 16 bytes apart and mostly 64.
  auto bits = reinterpret_cast<uintptr_t>(object);
  return words[unsigned(rank)][(bits >> 4 ^ bits >> 6) % WordsPerRank];
}

void lock_acquire(std::atomic<uint32_t>& word, [[maybe_unused]] Rank rank) {
#ifdef PL_CHECKED
  uint32_t& held = this_context().locks_held;
  if (held >> unsigned(rank)) panic("lock of rank %u taken while holding %x", unsigned(rank), held);
  held |= 1u << unsigned(rank);
#endif
  while (word.exchange(1, std::memory_order_acquire)) {
  }
}

void lock_release(std::atomic<uint32_t>& word, [[maybe_unused]] Rank rank) {
#ifdef PL_CHECKED
  this_context().locks_held &= ~(1u << unsigned(rank));
#endif
  word.store(0, std::memory_order_release);
}

}  // namespace pl::detail
