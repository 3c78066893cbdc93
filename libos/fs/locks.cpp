// SPDX-License-Identifier: BSD-2-Clause
#include "fs/locks.h"

#include <algorithm>

#include "base/hot.h"
#include "base/list.h"
#include "fs/file.h"
#include "memory/heap.h"
#include "process/wait.h"
#include "time/clock.h"

namespace pl::locks {

namespace {

struct Held {
  Lock lock;
  Ref<Inode> inode;
  ListLink<Held> link;
};

// One list: locks are few, and looking through them is cheaper than a table that each fork would copy.
PL_HOT constinit List<Held, &Held::link> held{};
PL_HOT constinit WaitQueue changed{};

bool same_owner(const Lock& a, const Lock& b) { return a.kind == b.kind && a.owner == b.owner; }
bool overlap(const Lock& a, const Lock& b) { return a.first <= b.last && b.first <= a.last; }

Held* find_blocker(Inode& inode, const Lock& wanted) {
  for (Held& h : held) {
    if (h.inode.get() != &inode || h.lock.kind != wanted.kind || same_owner(h.lock, wanted) || !overlap(h.lock, wanted)) continue;
    if (h.lock.type == Type::Write || wanted.type == Type::Write) return &h;
  }
  return nullptr;
}

void drop(Held* h) {
  held.remove(h);
  heap_delete(h);
}

// What a change may need: its own entry, and one for the rest of a lock that is cut in two.
struct Spares {
  Held* of[2] = {heap_new<Held>(), heap_new<Held>()};
  Spares() = default;
  Spares(const Spares&) = delete;
  ~Spares() {
    for (Held* h : of)
      if (h) heap_delete(h);
  }
};

// Puts `lock` in place of whatever its owner held in that range: parts outside stay, neighbours of one type join.
void replace(Inode& inode, Lock lock, Spares& spares) {
  Held** spare = spares.of;
  for (Held* h = held.first(); h;) {
    Held* next = held.next(h);
    Lock& old = h->lock;
    if (h->inode.get() == &inode && same_owner(old, lock)) {
      bool touches = overlap(old, lock) || (old.last != ~uint64_t(0) && old.last + 1 == lock.first) ||
                     (lock.last != ~uint64_t(0) && lock.last + 1 == old.first);
      if (touches && old.type == lock.type) {
        lock.first = std::min(lock.first, old.first);
        lock.last = std::max(lock.last, old.last);
        drop(h);
      } else if (overlap(old, lock)) {
        bool left = old.first < lock.first, right = old.last > lock.last;
        if (left && right) {
          Held* rest = std::exchange(spare[1], nullptr);
          rest->lock = old;
          rest->lock.first = lock.last + 1;
          rest->inode = h->inode;
          held.push_back(rest);
          old.last = lock.first - 1;
        } else if (left) {
          old.last = lock.first - 1;
        } else if (right) {
          old.first = lock.last + 1;
        } else {
          drop(h);
        }
      }
    }
    h = next;
  }
  if (lock.type != Type::Unlock) {
    Held* h = std::exchange(spare[0], nullptr);
    h->lock = lock;
    h->inode = Ref<Inode>(&inode);
    held.push_back(h);
  }
  changed.wake_all();
}

// Tells what all owners still have of a range that one of them gave up. A host that does not listen only keeps others waiting.
void reconcile(Inode& inode, Authority& outside, Kind kind, uint64_t first, uint64_t last) {
  for (uint64_t at = first;;) {
    Type type = Type::Unlock;
    uint64_t end = last;  // as far as it is the same
    for (const Held& h : held) {
      if (h.inode.get() != &inode || h.lock.kind != kind || h.lock.last < at) continue;
      if (h.lock.first > at) {
        end = std::min(end, h.lock.first - 1);
      } else {
        if (type != Type::Write) type = h.lock.type;
        end = std::min(end, h.lock.last);
      }
    }
    (void)outside.set(kind, type, at, end);
    if (end == last) return;
    at = end + 1;
  }
}

// Who sleeps for a process's record lock, so that those that wait for each other are told. The locks of open file descriptions are left
// out: nobody knows who would give one up (fcntl(2)).
struct Waiting {
  Inode* inode;
  const Lock* lock;
  ListLink<Waiting> link;
};
PL_HOT constinit List<Waiting, &Waiting::link> waiting;

bool is_of_process(const Lock& lock) { return lock.kind == Kind::Record && lock.pid != -1; }

bool closes_a_circle(Inode& inode, const Lock& lock) {
  constexpr unsigned Longest = 10;
  Inode* at = &inode;
  const Lock* wanted = &lock;
  for (unsigned i = 0; i < Longest; i++) {
    const Held* blocker = find_blocker(*at, *wanted);
    if (!blocker || !is_of_process(blocker->lock)) return false;
    const void* owner = blocker->lock.owner;
    if (owner == lock.owner) return true;
    wanted = nullptr;
    for (const Waiting& w : waiting)
      if (w.lock->owner == owner) at = w.inode, wanted = w.lock;
    if (!wanted) return false;
  }
  return false;
}

// Nobody tells when a lock outside is given up: it is asked for again, soon at first.
constexpr uint64_t ShortestPause = 1, LongestPause = 32;  // milliseconds

}  // namespace

ErrorOr<void> set(File& file, const Lock& lock, Blocking blocking) {
  Ref<Inode> inode = file.inode();
  Authority* outside = TRY(file.lock_authority(lock.kind));
  Spares spares;
  if (!spares.of[0] || !spares.of[1]) return fail(Errno::NoLocks);
  auto give_up = [&] {
    Lock none = lock;
    none.type = Type::Unlock;
    replace(*inode, none, spares);
  };
  if (lock.type == Type::Unlock) {
    give_up();
    if (outside) reconcile(*inode, *outside, lock.kind, lock.first, lock.last);
    return {};
  }
  for (uint64_t pause = ShortestPause;; pause = std::min(2 * pause, LongestPause)) {
    if (find_blocker(*inode, lock)) {
      if (blocking == Blocking::No) return fail(Errno::Again);
      // flock(2): a conversion first gives up what it had.
      if (lock.kind == Kind::Flock) {
        give_up();
        if (outside) reconcile(*inode, *outside, lock.kind, lock.first, lock.last);
      }
      if (is_of_process(lock) && closes_a_circle(*inode, lock)) return fail(Errno::Deadlock);
      Waiting me{inode.get(), &lock, {}};
      if (is_of_process(lock)) waiting.push_back(&me);
      auto free = wait_for(changed, NoDeadline, Sleep::Interruptible, [&] { return !find_blocker(*inode, lock); });
      if (is_of_process(lock)) waiting.remove(&me);
      TRY(free);
    }
    if (!outside) break;
    auto had = outside->set(lock.kind, lock.type, lock.first, lock.last);
    if (had) break;
    if (lock.kind == Kind::Flock) give_up();  // the host's conversion has done so
    if (had.error() != Errno::Again || blocking == Blocking::No) return fail(had.error());
    auto slept = wait_for(changed, ticks_now() + milliseconds_to_ticks(pause), Sleep::Interruptible, [] { return false; });
    if (!slept && slept.error() != Errno::TimedOut) return fail(slept.error());
  }
  replace(*inode, lock, spares);
  return {};
}

ErrorOr<bool> test(File& file, const Lock& wanted, Lock& blocker) {
  Ref<Inode> inode = file.inode();
  if (Held* h = find_blocker(*inode, wanted)) {
    blocker = h->lock;
    return true;
  }
  if (wanted.type == Type::Unlock) return false;
  Authority* outside = TRY(file.lock_authority(wanted.kind));
  return outside ? outside->test(wanted, blocker) : ErrorOr<bool>(false);
}

static void release(Inode& inode, const void* owner, bool records_only) {
  if (held.empty()) return;
  bool any = false;
  Ref<Inode> keep(&inode);
  for (Held* h = held.first(); h;) {
    Held* next = held.next(h);
    if (h->inode.get() == &inode && h->lock.owner == owner && (!records_only || h->lock.kind == Kind::Record)) {
      const Lock lock = h->lock;
      drop(h);
      any = true;
      if (Authority* outside = inode.lock_authority()) reconcile(inode, *outside, lock.kind, lock.first, lock.last);
    }
    h = next;
  }
  if (any) changed.wake_all();
}

void release_records(Inode& inode, const void* owner) { release(inode, owner, true); }
void release_all(Inode& inode, const void* owner) { release(inode, owner, false); }
bool any() { return !held.empty(); }

ErrorOr<void> for_each(Inode& inode, Kind kind, ErrorOr<void> (*visit)(void*, const Lock&), void* context) {
  for (const Held& h : held)
    if (h.inode.get() == &inode && h.lock.kind == kind) TRY(visit(context, h.lock));
  return {};
}

}  // namespace pl::locks
