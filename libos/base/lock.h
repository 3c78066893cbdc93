// SPDX-License-Identifier: BSD-2-Clause
// Ranked spin locks. A lock is taken only while every lock held has a lower rank, which the debug build checks. A lock has no
// storage in its object (a template's object cannot be written in a fork): its word is found by hashing into the hot block, one
// array a rank, so two locks of one rank are never held at once. Held with interrupts off, never across a sleep or a user copy.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/hot.h"

namespace pl {

enum class Rank : uint8_t { Process, Files, AddressSpace, Inode, Pipe, Network, Scheduler, Ring, Heap, Frames, Count };

namespace detail {
std::atomic<uint32_t>& lock_word(Rank rank, const void* object);
void lock_acquire(std::atomic<uint32_t>& word, Rank rank);
void lock_release(std::atomic<uint32_t>& word, Rank rank);
}  // namespace detail

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
