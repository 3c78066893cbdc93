// SPDX-License-Identifier: BSD-2-Clause
#include "process/futex.h"

#include <algorithm>
#include <utility>

#include "base/lock.h"
#include "memory/user.h"
#include "process/process.h"
#include "process/scheduler.h"
#include "syscall/abi.h"
#include "time/clock.h"

namespace pl {

namespace {

struct Bucket {
  List<FutexWaiter, &FutexWaiter::link> waiters;
};
constexpr unsigned Buckets = 64;
Bucket buckets[Buckets];

Bucket& bucket_of(const AddressSpace::Key& key) {
  uint64_t hash = (key.object >> 4 ^ key.offset >> 2) * 0x9e3779b97f4a7c15ull;
  return buckets[hash >> 58];
}

// All buckets share one lock: requeueing needs two of them, and one rank has one lock at a time.
struct FutexLocked : Locked {
  FutexLocked() : Locked(Rank::Process, buckets) {}
};

ErrorOr<AddressSpace::Key> key_of(UserAddress word, Sharing sharing) {
  if (word.value & 3) return fail(Errno::Invalid);
  return current_thread().address_space->futex_key(word, sharing);
}

// Makes the word present, so that the loads under the lock need not fault.
ErrorOr<uint32_t> touch(UserAddress word) {
  uint32_t value;
  TRY(copy_from_user(&value, word, sizeof(value)));
  return value;
}

ErrorOr<uint32_t> touch_for_writing(UserAddress word) {
  if (word.value & 3) return fail(Errno::Invalid);  // no atomic would ever reach it
  for (;;) {
    uint32_t value = TRY(touch(word));
    auto old = compare_exchange_user(word, value, value);
    if (old) return *old;
    // Not writable yet: a copy breaks the copy-on-write. Only where nothing is lost: the exchange above said nobody could write either.
    TRY(copy_to_user(word, &value, sizeof(value)));
  }
}

// A thread that holds locks has the rank of who waits for them; if it waits itself, so does who holds that (futex(2), "Priority-inheritance
// futexes").
void inherit(Thread* first) {
  if (!any_rank()) return;
  for (Thread* thread = first; thread; thread = thread->pi_owner) {
    auto rank = uint8_t(thread->priority);
    if (thread->pi_awaited)
      for (Bucket& bucket : buckets)
        for (FutexWaiter& waiter : bucket.waiters)
          if (waiter.thread->pi_owner == thread) rank = std::max(rank, waiter.thread->rank);
    if (rank != thread->rank) set_rank(*thread, rank);
    else if (thread != first) return;
  }
}

void dequeue(FutexWaiter& waiter) {
  bucket_of(waiter.key).waiters.remove(&waiter);
  if (Thread* owner = std::exchange(waiter.thread->pi_owner, nullptr)) inherit(owner);
}

void wake_waiter(FutexWaiter& waiter) {
  dequeue(waiter);
  waiter.woken = true;
  wake_thread(*waiter.thread);
}

// EINVAL where somebody waits for a lock, or to be moved to one: nothing but that wakes those.
ErrorOr<uint64_t> wake_locked(const AddressSpace::Key& key, uint64_t count, uint32_t bitset) {
  uint64_t woken = 0;
  auto& list = bucket_of(key).waiters;
  for (FutexWaiter* waiter = list.first(); waiter && woken < count;) {
    FutexWaiter* next = list.next(waiter);
    if (waiter->key == key) {
      if (waiter->kind != FutexWaiter::Kind::Wake) return fail(Errno::Invalid);
      if (waiter->bitset & bitset) {
        wake_waiter(*waiter);
        ++woken;
      }
    }
    waiter = next;
  }
  return woken;
}

// Wakes go to the higher priority first, and to who has waited longest.
void enqueue(FutexWaiter& waiter) {
  auto& list = bucket_of(waiter.key).waiters;
  FutexWaiter* at = nullptr;
  if (waiter.thread->priority) [[unlikely]]
    for (at = list.first(); at && at->thread->priority >= waiter.thread->priority; at = list.next(at)) {
    }
  list.insert_before(&waiter, at);
}

// Sleeps until woken; takes the waiter off its queue otherwise.
ErrorOr<void> sleep_on(FutexWaiter& waiter, FutexDeadline deadline) {
  for (;;) {
    auto slept = deadline.realtime ? sleep_until_realtime(to_timespec(deadline.value)) : sleep(deadline.value, Sleep::Interruptible);
    FutexLocked lock;
    if (waiter.woken) return {};
    if (slept) continue;
    dequeue(waiter);
    return slept;
  }
}

FutexWaiter* first_pi_waiter(const AddressSpace::Key& key, FutexWaiter* after = nullptr) {
  auto& list = bucket_of(key).waiters;
  for (FutexWaiter* w = after ? list.next(after) : list.first(); w; w = list.next(w))
    if (w->key == key && w->kind == FutexWaiter::Kind::Lock) return w;
  return nullptr;
}

// Who gets a lock next: the highest, and of those who has waited longest.
FutexWaiter* heir_of(const AddressSpace::Key& key) {
  FutexWaiter* best = first_pi_waiter(key);
  for (FutexWaiter* w = best; w; w = first_pi_waiter(key, w))
    if (w->thread->rank > best->thread->rank) best = w;
  return best;
}

// `owner` holds it now: who still waits, waits for that thread's end too.
void set_pi_owner(const AddressSpace::Key& key, Thread& owner) {
  for (FutexWaiter* w = first_pi_waiter(key); w; w = first_pi_waiter(key, w)) {
    w->thread->pi_owner = &owner;
    owner.pi_awaited = true;
  }
  inherit(&owner);
}

// Whether `thread`, once it waited for `owner`, would wait for itself.
bool closes_circle(const Thread& thread, const Thread& owner) {
  const Thread* at = &owner;
  while (at && at != &thread) at = at->pi_owner;
  return at;
}

// The thread that the word of a lock names; ESRCH if it is gone.
ErrorOr<Thread*> owner_of(uint32_t word) {
  Thread* owner = find_thread(int(word & futex_word::TidMask));
  if (!owner || owner->futexes_released) return fail(Errno::NoProcess);
  return owner;
}

void enqueue_for(FutexWaiter& waiter, Thread& owner) {
  waiter.kind = FutexWaiter::Kind::Lock;
  waiter.thread->pi_owner = &owner;
  owner.pi_awaited = true;
  enqueue(waiter);
  inherit(&owner);
}

// Gives a lock that nobody holds any more to its heir.
ErrorOr<bool> hand_over(const AddressSpace::Key& key, UserAddress word, uint32_t old_value, uint32_t flags) {
  FutexLocked lock;
  FutexWaiter* next = heir_of(key);
  uint32_t value = flags;
  if (next) value |= uint32_t(next->thread->tid) | (first_pi_waiter(key, first_pi_waiter(key)) ? futex_word::Waiters : 0);
  if (TRY(compare_exchange_user(word, old_value, value)) != old_value) return false;
  if (next) {
    wake_waiter(*next);
    set_pi_owner(key, *next->thread);
    inherit(&current_thread());
  }
  return true;
}

// What nobody but waiters knows to be the thread's: a lock whose word it let go without FUTEX_UNLOCK_PI, or that is on no robust list. They
// look again, and the first to do so has it (Linux: exit_pi_state_list).
void wake_pi_waiters_of(Thread& owner) {
  for (Bucket& bucket : buckets) {
    for (FutexWaiter* waiter = bucket.waiters.first(); waiter;) {
      FutexWaiter* next = bucket.waiters.next(waiter);
      if (waiter->thread->pi_owner == &owner) {
        waiter->ended = uint32_t(owner.tid);
        wake_waiter(*waiter);
      }
      waiter = next;
    }
  }
}

}  // namespace

ErrorOr<void> wait_futex(UserAddress word, Sharing sharing, uint32_t expected, FutexDeadline deadline, uint32_t bitset) {
  if (!bitset) return fail(Errno::Invalid);
  FutexWaiter waiter;
  waiter.thread = &current_thread();
  waiter.bitset = bitset;
  for (;;) {
    TRY(touch(word));
    waiter.key = TRY(key_of(word, sharing));
    FutexLocked lock;
    auto value = load_user_atomic(word);
    if (!value) continue;  // gone again: page it in once more
    if (*value != expected) return fail(Errno::Again);
    enqueue(waiter);
    break;
  }
  return sleep_on(waiter, deadline);
}

ErrorOr<uint64_t> wake_futex(UserAddress word, Sharing sharing, uint64_t count, uint32_t bitset) {
  if (!bitset) return fail(Errno::Invalid);
  auto key = TRY(key_of(word, sharing));
  FutexLocked lock;
  return wake_locked(key, count, bitset);
}

ErrorOr<uint64_t> wake_futex(UserAddress word, uint64_t count) {
  uint64_t woken = TRY(wake_futex(word, Sharing::Shared, count, ~0u));
  if (woken < count) woken += TRY(wake_futex(word, Sharing::Private, count - woken, ~0u));
  return woken;
}

ErrorOr<uint64_t> requeue_futex(UserAddress from, UserAddress to, Sharing sharing, uint64_t wake, uint64_t requeue,
                                const uint32_t* expected) {
  for (;;) {
    if (expected) TRY(touch(from));
    auto from_key = TRY(key_of(from, sharing)), to_key = TRY(key_of(to, sharing));
    FutexLocked lock;
    if (expected) {
      auto value = load_user_atomic(from);
      if (!value) continue;
      if (*value != *expected) return fail(Errno::Again);
    }
    uint64_t done = TRY(wake_locked(from_key, wake, ~0u));
    if (from_key == to_key) return done;
    auto& list = bucket_of(from_key).waiters;
    uint64_t moved = 0;
    for (FutexWaiter* waiter = list.first(); waiter && moved < requeue;) {
      FutexWaiter* next = list.next(waiter);
      if (waiter->key == from_key) {
        if (waiter->kind != FutexWaiter::Kind::Wake) return fail(Errno::Invalid);
        list.remove(waiter);
        waiter->key = to_key;
        enqueue(*waiter);
        ++moved;
      }
      waiter = next;
    }
    return done + moved;
  }
}

ErrorOr<uint64_t> wake_operation_futex(UserAddress word, UserAddress word2, Sharing sharing, uint64_t wake, uint64_t wake2,
                                       uint32_t operation) {
  auto decoded = FutexOperation::decode(operation);
  for (;;) {
    uint32_t old = TRY(touch_for_writing(word2));
    auto key = TRY(key_of(word, sharing)), key2 = TRY(key_of(word2, sharing));
    uint32_t value = TRY(decoded.apply(old));
    bool second = TRY(decoded.holds(old));
    FutexLocked lock;
    auto seen = compare_exchange_user(word2, old, value);
    if (!seen || *seen != old) continue;
    uint64_t woken = TRY(wake_locked(key, wake, ~0u));
    if (second) woken += TRY(wake_locked(key2, wake2, ~0u));
    return woken;
  }
}

namespace {

// `ended`: the owner that has been waited for, if its end ended that.
ErrorOr<void> lock_after(uint32_t ended, UserAddress word, Sharing sharing, FutexDeadline deadline) {
  Thread& me = current_thread();
  uint32_t tid = uint32_t(me.tid);
  for (;;) {
    FutexWaiter waiter;
    waiter.thread = &me;
    uint32_t value = TRY(touch_for_writing(word));
    waiter.key = TRY(key_of(word, sharing));
    uint32_t owner = value & futex_word::TidMask;
    if (owner == tid) return fail(Errno::Deadlock);
    if (!owner || owner == ended) {
      FutexLocked lock;
      uint32_t wanted = tid | (owner ? futex_word::OwnerDied : value & futex_word::OwnerDied) | (first_pi_waiter(waiter.key) ? futex_word::Waiters : 0);
      auto seen = compare_exchange_user(word, value, wanted);
      if (!seen || *seen != value) continue;
      set_pi_owner(waiter.key, me);
      return {};
    }
    {
      FutexLocked lock;
      auto seen = compare_exchange_user(word, value, value | futex_word::Waiters);
      if (!seen || *seen != value) continue;
      Thread& holder = *TRY(owner_of(owner));
      if (closes_circle(me, holder)) return fail(Errno::Deadlock);
      enqueue_for(waiter, holder);
    }
    TRY(sleep_on(waiter, deadline));
    if (!waiter.ended) return {};  // the owner gave it to us
    ended = waiter.ended;
  }
}

}  // namespace

ErrorOr<void> lock_pi_futex(UserAddress word, Sharing sharing, FutexDeadline deadline) {
  auto locked = lock_after(0, word, sharing, deadline);
  if (!locked && locked.error() == Errno::Interrupted) return fail(Errno::RestartAlways);
  return locked;
}

ErrorOr<void> wait_requeue_pi_futex(UserAddress word, UserAddress lock, Sharing sharing, uint32_t expected, FutexDeadline deadline) {
  if (word == lock) return fail(Errno::Invalid);
  FutexWaiter waiter;
  waiter.thread = &current_thread();
  waiter.kind = FutexWaiter::Kind::Requeue;
  for (;;) {
    TRY(touch_for_writing(lock));
    TRY(touch(word));
    waiter.lock_key = TRY(key_of(lock, sharing));
    waiter.key = TRY(key_of(word, sharing));
    FutexLocked locked;
    auto value = load_user_atomic(word);
    if (!value) continue;
    if (*value != expected) return fail(Errno::Again);
    if (waiter.key == waiter.lock_key) return fail(Errno::Invalid);
    enqueue(waiter);
    break;
  }
  auto slept = sleep_on(waiter, deadline);
  if (!slept && slept.error() == Errno::Interrupted && waiter.kind == FutexWaiter::Kind::Requeue) return fail(Errno::RestartAlways);
  if (slept && waiter.ended) slept = lock_after(waiter.ended, lock, sharing, deadline);
  // Begun anew, it would find a word that has changed since: Linux says so at once.
  if (!slept && slept.error() == Errno::Interrupted) return fail(Errno::Again);
  return slept;
}

ErrorOr<uint64_t> requeue_pi_futex(UserAddress from, UserAddress lock, Sharing sharing, uint64_t wake, uint64_t requeue, uint32_t expected) {
  if (from == lock || wake != 1) return fail(Errno::Invalid);
  for (;;) {
    TRY(touch(from));
    uint32_t held = TRY(touch_for_writing(lock));
    auto from_key = TRY(key_of(from, sharing)), lock_key = TRY(key_of(lock, sharing));
    if (from_key == lock_key) return fail(Errno::Invalid);
    auto expects_it = [&](const FutexWaiter& w) { return w.kind == FutexWaiter::Kind::Requeue && w.lock_key == lock_key; };
    FutexLocked locked;
    auto value = load_user_atomic(from);
    if (!value) continue;
    if (*value != expected) return fail(Errno::Again);

    auto& list = bucket_of(from_key).waiters;
    FutexWaiter* first = list.first();
    while (first && first->key != from_key) first = list.next(first);
    if (!first) return 0;
    if (!expects_it(*first)) return fail(Errno::Invalid);
    uint32_t tid = uint32_t(first->thread->tid);
    bool is_free = !(held & futex_word::TidMask);
    if ((held & futex_word::TidMask) == tid) return fail(Errno::Deadlock);
    // A free lock is the first one's at once. Linux says that there are waiters where there may be some.
    uint32_t wanted = held | (is_free ? tid : 0) | (!is_free || requeue ? futex_word::Waiters : 0);
    auto seen = compare_exchange_user(lock, held, wanted);
    if (!seen || *seen != held) continue;
    Thread& owner = *TRY(owner_of(wanted));
    uint64_t done = 0;
    FutexWaiter* next = first;
    if (is_free) {
      next = list.next(first);
      wake_waiter(*first);
      set_pi_owner(lock_key, owner);
      done = 1;
    }
    while (next && done < requeue + 1) {
      FutexWaiter* waiter = std::exchange(next, list.next(next));
      if (waiter->key != from_key) continue;
      if (!expects_it(*waiter)) return fail(Errno::Invalid);
      if (closes_circle(*waiter->thread, owner)) return fail(Errno::Deadlock);
      list.remove(waiter);
      waiter->key = lock_key;
      enqueue_for(*waiter, owner);
      ++done;
    }
    return done;
  }
}

void priority_changed(Thread& thread) {
  FutexLocked lock;
  if (thread.priority > thread.rank) set_rank(thread, uint8_t(thread.priority));
  inherit(&thread);
}

ErrorOr<void> try_lock_pi_futex(UserAddress word, Sharing sharing) {
  uint32_t tid = uint32_t(current_thread().tid);
  for (;;) {
    uint32_t value = TRY(touch_for_writing(word));
    auto key = TRY(key_of(word, sharing));
    uint32_t owner = value & futex_word::TidMask;
    if (owner == tid) return fail(Errno::Deadlock);
    if (owner) return fail(Errno::Again);
    FutexLocked lock;
    uint32_t wanted = tid | (value & futex_word::OwnerDied) | (first_pi_waiter(key) ? futex_word::Waiters : 0);
    auto seen = compare_exchange_user(word, value, wanted);
    if (!seen || *seen != value) continue;
    set_pi_owner(key, current_thread());
    return {};
  }
}

ErrorOr<void> unlock_pi_futex(UserAddress word, Sharing sharing) {
  uint32_t tid = uint32_t(current_thread().tid);
  // Linux asks who owns it before anything else: EPERM, even for a word that could never be a lock.
  if ((TRY(touch(word)) & futex_word::TidMask) != tid) return fail(Errno::Perm);
  for (;;) {
    uint32_t value = TRY(touch_for_writing(word));
    auto key = TRY(key_of(word, sharing));
    if ((value & futex_word::TidMask) != tid) return fail(Errno::Perm);
    auto done = hand_over(key, word, value, 0);
    if (done && *done) return {};
  }
}

// ---- robust lists (set_robust_list(2), Documentation/locking/robust-futex-ABI) ----

namespace {

constexpr unsigned MaxRobust = 2048;

// False: a word that cannot be reached ends the walk.
bool release_robust(Thread& thread, UserAddress word, bool priority_inheriting, bool pending) {
  for (;;) {
    if (word.value & 3) return false;
    auto value = touch(word);
    if (!value) return false;
    if ((*value & futex_word::TidMask) != uint32_t(thread.tid)) {
      // It died between unlocking and waking.
      if (pending && !priority_inheriting && *value == 0) (void)wake_futex(word, 1);
      return true;
    }
    if (!touch_for_writing(word)) return false;
    if (priority_inheriting) {
      auto key = key_of(word, Sharing::Shared);
      if (!key) return false;
      auto done = hand_over(*key, word, *value, futex_word::OwnerDied);
      if (done && *done) return true;
      continue;
    }
    auto seen = compare_exchange_user(word, *value, (*value & futex_word::Waiters) | futex_word::OwnerDied);
    if (!seen || *seen != *value) continue;
    if (*value & futex_word::Waiters) (void)wake_futex(word, 1);
    return true;
  }
}

void release_robust_futexes(Thread& thread) {
  UserAddress head_address = thread.robust_list;
  if (!head_address) return;
  thread.robust_list = {};
  auto head = UserIn<RobustListHead>{head_address}.read();
  if (!head) return;
  uint64_t entry = head->next;
  for (unsigned i = 0; i < MaxRobust && (entry & ~uint64_t(1)) != head_address.value; ++i) {
    auto next = UserIn<uint64_t>{UserAddress(entry & ~uint64_t(1))}.read();  // before the lock is let go
    if (entry != head->pending &&
        !release_robust(thread, UserAddress((entry & ~uint64_t(1)) + uint64_t(head->futex_offset)), entry & 1, false))
      return;
    if (!next) return;
    entry = *next;
  }
  if (uint64_t last = head->pending)
    (void)release_robust(thread, UserAddress((last & ~uint64_t(1)) + uint64_t(head->futex_offset)), last & 1, true);
}

}  // namespace

void release_futexes(Thread& thread, FutexOwner owner) {
  release_robust_futexes(thread);
  FutexLocked lock;
  thread.futexes_released = owner == FutexOwner::Ends;
  if (!thread.pi_awaited) return;
  thread.pi_awaited = false;
  wake_pi_waiters_of(thread);
}

}  // namespace pl
