// SPDX-License-Identifier: BSD-2-Clause
// Futexes (futex(2)).
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/error.h"
#include "memory/address_space.h"
#include "process/wait.h"

namespace pl {

class Thread;

// A thread that waits on a word. Lies on its kernel stack.
struct FutexWaiter {
  Thread* thread = nullptr;
  AddressSpace::Key key{};
  uint32_t bitset = 0;
  // Lock: of a priority-inheriting one, whose owner is thread->pi_owner. Requeue: waits for a wake, which puts it in the queue of such a lock.
  enum class Kind : uint8_t { Wake, Requeue, Lock } kind = Kind::Wake;
  bool woken = false;
  uint32_t ended = 0;           // the lock's owner, if its end is why it was woken
  AddressSpace::Key lock_key{};  // Requeue: of that lock
  ListLink<FutexWaiter> link;
};

// FUTEX_WAKE_OP's encoded operation (futex(2)): pure, so that it can be tested.
struct FutexOperation {
  uint32_t operation, comparison;
  int32_t operand, compared;
  static FutexOperation decode(uint32_t word);
  ErrorOr<uint32_t> apply(uint32_t old_value) const;   // the new value
  ErrorOr<bool> holds(uint32_t old_value) const;
};

namespace futex_word {  // uapi linux/futex.h
constexpr uint32_t Waiters = 0x80000000, OwnerDied = 0x40000000, TidMask = 0x3fffffff;
}

// When a wait ends by itself.
struct FutexDeadline {
  uint64_t value = ~uint64_t(0);  // NoDeadline, or ticks of the time CSR,
  bool realtime = false;          // or a moment of REALTIME in nanoseconds, which comes sooner or later when that is set
};

ErrorOr<void> wait_futex(UserAddress word, Sharing sharing, uint32_t expected, FutexDeadline deadline, uint32_t bitset);
ErrorOr<uint64_t> wake_futex(UserAddress word, Sharing sharing, uint64_t count, uint32_t bitset);
ErrorOr<uint64_t> requeue_futex(UserAddress from, UserAddress to, Sharing sharing, uint64_t wake, uint64_t requeue, const uint32_t* expected);
ErrorOr<uint64_t> wake_operation_futex(UserAddress word, UserAddress word2, Sharing sharing, uint64_t wake, uint64_t wake2, uint32_t operation);
// FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: a condition variable's waiters go on to its mutex without being woken for it.
ErrorOr<void> wait_requeue_pi_futex(UserAddress word, UserAddress lock, Sharing sharing, uint32_t expected, FutexDeadline deadline);
ErrorOr<uint64_t> requeue_pi_futex(UserAddress from, UserAddress lock, Sharing sharing, uint64_t wake, uint64_t requeue, uint32_t expected);
ErrorOr<void> lock_pi_futex(UserAddress word, Sharing sharing, FutexDeadline deadline);
ErrorOr<void> try_lock_pi_futex(UserAddress word, Sharing sharing);
ErrorOr<void> unlock_pi_futex(UserAddress word, Sharing sharing);

// The priority of a thread has changed: its rank is that, or the highest of who waits for locks that it holds, and so on along the line.
void priority_changed(Thread& thread);

// clear_child_tid: whoever waits, private or shared.
ErrorOr<uint64_t> wake_futex(UserAddress word, uint64_t count);
// At the end of a thread, and at execve: marks what it still holds as its owner's having died, and wakes who waits for that.
enum class FutexOwner : uint8_t { Ends, Executes };
void release_futexes(Thread& thread, FutexOwner owner);

}  // namespace pl
