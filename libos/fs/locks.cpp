// SPDX-License-Identifier: BSD-2-Clause
#include "fs/locks.h"

#include <algorithm>

#include "base/hot.h"
#include "base/list.h"
#include "memory/heap.h"
#include "process/wait.h"

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

// Puts `lock` in place of whatever its owner held in that range: parts outside stay, neighbours of one type join.
ErrorOr<void> replace(Inode& inode, Lock lock) {
  Held* spare[2] = {heap_new<Held>(), heap_new<Held>()};
  if (!spare[0] || !spare[1]) {
    heap_delete(spare[0]);
    heap_delete(spare[1]);
    return fail(Errno::NoLocks);
  }
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
  heap_delete(spare[0]);
  heap_delete(spare[1]);
  changed.wake_all();
  return {};
}

}  // namespace

ErrorOr<void> set(Inode& inode, const Lock& lock, Blocking blocking) {
  Ref<Inode> keep(&inode);
  if (lock.type != Type::Unlock && find_blocker(inode, lock)) {
    if (blocking == Blocking::No) return fail(Errno::Again);
    // flock(2): a conversion first gives up what it had.
    if (lock.kind == Kind::Flock) {
      Lock none = lock;
      none.type = Type::Unlock;
      TRY(replace(inode, none));
    }
    TRY(wait_for(changed, NoDeadline, Sleep::Interruptible, [&] { return !find_blocker(inode, lock); }));
  }
  return replace(inode, lock);
}

bool test(Inode& inode, const Lock& wanted, Lock& blocker) {
  Held* h = find_blocker(inode, wanted);
  if (h) blocker = h->lock;
  return h != nullptr;
}

static void release(Inode& inode, const void* owner, bool records_only) {
  if (held.empty()) return;
  bool any = false;
  Ref<Inode> keep(&inode);
  for (Held* h = held.first(); h;) {
    Held* next = held.next(h);
    if (h->inode.get() == &inode && h->lock.owner == owner && (!records_only || h->lock.kind == Kind::Record)) {
      drop(h);
      any = true;
    }
    h = next;
  }
  if (any) changed.wake_all();
}

void release_records(Inode& inode, const void* owner) { release(inode, owner, true); }
void release_all(Inode& inode, const void* owner) { release(inode, owner, false); }
bool any() { return !held.empty(); }

}  // namespace pl::locks
