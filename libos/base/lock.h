// SPDX-License-Identifier: BSD-2-Clause
// Ranked spin locks. A lock is taken only while every lock held has a lower rank, which a build with PL_CHECKED checks. A lock has no
// storage in its object (a template's object cannot be written in a fork): its word is found by hashing into the hot block, one
// array a rank, so two locks of one rank are never held at once. Held with interrupts off, never across a sleep or a user copy.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/hot.h"

namespace pl {

enum class Rank : uint8_t { Process, Files, AddressSpace, Inode, Pipe, Network, Scheduler, Ring, Heap, Frames, Count };

namespace detail {
constexpr unsigned WordsPerRank = 4;
extern std::atomic<uint32_t> lock_words[unsigned(Rank::Count)][WordsPerRank];
void check_acquire(Rank rank);  // PL_CHECKED: panics where the order is broken
void check_release(Rank rank);
void check_none_held(const char* where);

inline std::atomic<uint32_t>& lock_word(Rank rank, const void* object) {
  // Objects are at least 16 bytes apart and mostly 64.
  auto bits = reinterpret_cast<uintptr_t>(object);
  return lock_words[unsigned(rank)][(bits >> 4 ^ bits >> 6) % WordsPerRank];
}
inline void lock_acquire(std::atomic<uint32_t>& word, [[maybe_unused]] Rank rank) {
#ifdef PL_CHECKED
  check_acquire(rank);
#endif
  while (word.exchange(1, std::memory_order_acquire)) {
  }
}
inline void lock_release(std::atomic<uint32_t>& word, [[maybe_unused]] Rank rank) {
#ifdef PL_CHECKED
  check_release(rank);
#endif
  word.store(0, std::memory_order_release);
}
}  // namespace detail

// Begins what a lock may not be held across: a sleep, a copy to or from the program, the way back to it. PL_CHECKED: panics if one is.
inline void must_hold_no_lock([[maybe_unused]] const char* where) {
#ifdef PL_CHECKED
  detail::check_none_held(where);
#endif
}

class [[clang::scoped_lockable]] Locked {
 public:
  Locked(Rank rank, const void* object) : word_(detail::lock_word(rank, object)), rank_(rank) {
    detail::lock_acquire(word_, rank_);
  }
  ~Locked() { detail::lock_release(word_, rank_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  std::atomic<uint32_t>& word_;
  Rank rank_;
};

}  // namespace pl
