// SPDX-License-Identifier: BSD-2-Clause
#include "ipc/semaphore.h"

#include <cstring>

#include "fs/context.h"
#include "memory/heap.h"
#include "net/socket.h"

namespace pl::ipc {

constinit Table semaphores;

namespace {

// Where the undo of one semaphore is counted for the current process; made when it is first needed.
ErrorOr<UndoEntry*> undo_entry(SemaphoreSet& set, unsigned number) {
  UndoList& list = current_undo();
  for (UndoEntry* e = list.first; e; e = e->next)
    if (e->set.get() == &set && e->number == number) return e;
  auto entry = heap_new<UndoEntry>(UndoEntry{Ref<SemaphoreSet>(&set), number, 0, list.first});
  if (!entry) return fail(Errno::NoSpace);
  return list.first = entry;
}

}  // namespace

ErrorOr<Ref<SemaphoreSet>> SemaphoreSet::create(unsigned count) {
  auto values = static_cast<uint16_t*>(heap_allocate(count * sizeof(uint16_t), alignof(uint16_t)));
  auto pids = static_cast<int32_t*>(heap_allocate(count * sizeof(int32_t), alignof(int32_t)));
  Guard undo([&] {
    if (values) heap_free(values, count * sizeof(uint16_t), alignof(uint16_t));
    if (pids) heap_free(pids, count * sizeof(int32_t), alignof(int32_t));
  });
  if (!values || !pids) return fail(Errno::NoMemory);
  std::memset(values, 0, count * sizeof(uint16_t));
  std::memset(pids, 0, count * sizeof(int32_t));
  auto set = TRY(make<SemaphoreSet>(values, pids, count));
  undo.disarm();
  set->changed_at = realtime_nanoseconds() / 1'000'000'000;
  return set;
}

SemaphoreSet::~SemaphoreSet() {
  heap_free(values_, count_ * sizeof(uint16_t), alignof(uint16_t));
  heap_free(pids_, count_ * sizeof(int32_t), alignof(int32_t));
}

// Index of the first that cannot be done, with nothing changed; the number of operations if all were.
ErrorOr<size_t> SemaphoreSet::try_all(std::span<const SemaphoreOperation> operations) {
  size_t done = 0;
  Guard back([&] {
    while (done--) values_[operations[done].number] = uint16_t(values_[operations[done].number] - operations[done].change);
  });
  for (; done < operations.size(); done++) {
    const SemaphoreOperation& o = operations[done];
    int now = values_[o.number], next = now + o.change;
    if (o.change == 0 ? now != 0 : next < 0) return done;
    if (next > int(MaxValue)) return fail(Errno::Range);
    values_[o.number] = uint16_t(next);
  }
  back.disarm();
  return done;
}

ErrorOr<void> SemaphoreSet::operate(std::span<const SemaphoreOperation> operations, uint64_t deadline) {
  // Room for what will be undone is there before anything is done.
  for (const SemaphoreOperation& o : operations)
    if (o.flags & Undo && o.change) TRY(undo_entry(*this, o.number));
  Sleeper sleeper{.operations = operations, .link = {}};
  for (;;) {
    sleeper.blocked_at = TRY(try_all(operations));
    if (sleeper.blocked_at == operations.size()) break;
    if (operations[sleeper.blocked_at].flags & int16_t(NoWait)) return fail(Errno::Again);
    sleepers_.push_back(&sleeper);
    // Each change wakes all: which of them can go on only they know.
    Waiter waiter;
    changed_.add(waiter);
    auto woken = sleep(deadline, Sleep::Interruptible);
    changed_.remove(waiter);
    if (!removed) sleepers_.remove(&sleeper);
    if (removed) return fail(Errno::IdentifierRemoved);
    if (!woken) return fail(woken.error() == Errno::TimedOut ? Errno::Again : woken.error());
  }
  int32_t pid = current_identity().pid;
  bool altered = false;
  for (const SemaphoreOperation& o : operations) {
    pids_[o.number] = pid;
    altered |= o.change != 0;
    if (o.flags & Undo && o.change) (*undo_entry(*this, o.number))->change -= o.change;
  }
  operated_at = realtime_nanoseconds() / 1'000'000'000;
  if (altered) changed_.wake_all();
  return {};
}

ErrorOr<void> SemaphoreSet::set_value(unsigned n, int value) {
  if (value < 0 || value > int(MaxValue)) return fail(Errno::Range);
  values_[n] = uint16_t(value);
  pids_[n] = current_identity().pid;
  return {};
}

void SemaphoreSet::changed() {
  changed_at = realtime_nanoseconds() / 1'000'000'000;
  changed_.wake_all();
}

unsigned SemaphoreSet::waiting(unsigned n, bool for_zero) const {
  unsigned count = 0;
  for (Sleeper& s : sleepers_) {
    const SemaphoreOperation& o = s.operations[s.blocked_at];
    count += o.number == n && (o.change == 0) == for_zero;
  }
  return count;
}

void SemaphoreSet::remove_from(Table& table) {
  Ref<SemaphoreSet> keep(this);
  table.remove(*this);
  while (sleepers_.pop_front()) {}
  changed_.wake_all();
}

void apply_undo(UndoList& list) {
  while (UndoEntry* entry = list.first) {
    list.first = entry->next;
    SemaphoreSet& set = *entry->set;
    if (!set.removed && entry->change) {
      int value = set.values_[entry->number] + entry->change;
      set.values_[entry->number] = uint16_t(value < 0 ? 0 : value > int(SemaphoreSet::MaxValue) ? SemaphoreSet::MaxValue : value);
      set.changed_.wake_all();
    }
    heap_delete(entry);
  }
}

}  // namespace pl::ipc
