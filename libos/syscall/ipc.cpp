// SPDX-License-Identifier: BSD-2-Clause
// System V's shared memory, semaphores and message queues.
#include <algorithm>

#include "fs/abi.h"
#include "ipc/message.h"
#include "ipc/semaphore.h"
#include "ipc/shared_memory.h"
#include "memory/address_space.h"
#include "process/process.h"
#include "syscall/restart.h"
#include "syscall/table.h"

namespace pl {

namespace {

struct SegmentRecord {  // struct shmid64_ds
  ipc::Permissions permissions;
  uint64_t bytes;
  int64_t attached_at, detached_at, changed_at;
  int32_t creator, last;
  uint64_t attached, unused[2];
};
static_assert(sizeof(SegmentRecord) == 112);
struct SemaphoreRecord {  // struct semid64_ds
  ipc::Permissions permissions;
  int64_t operated_at, changed_at;
  uint64_t count, unused[2];
};
static_assert(sizeof(SemaphoreRecord) == 88);
struct QueueRecord {  // struct msqid64_ds
  ipc::Permissions permissions;
  int64_t sent_at, received_at, changed_at;
  uint64_t bytes, count, limit;
  int32_t sender, receiver;
  uint64_t unused[2];
};
static_assert(sizeof(QueueRecord) == 120);

int64_t now() { return realtime_nanoseconds() / 1'000'000'000; }

// What *_STAT and *_STAT_ANY name by its place in the table.
template <class T>
ErrorOr<Ref<T>> by_place(const ipc::Table& table, int index) {
  ipc::Object* object = index < 0 ? nullptr : table.at(unsigned(index));
  if (!object) return fail(Errno::Invalid);
  return Ref<T>(static_cast<T*>(object));
}

// IPC_STAT returns 0, *_STAT the identifier; all but *_STAT_ANY ask for permission.
enum class Asked : uint8_t { ById, ByPlace, ByPlaceByAnyone };
template <class T>
ErrorOr<Ref<T>> asked_for(const ipc::Table& table, int id, Asked how) {
  Ref<T> object = how == Asked::ById ? TRY(table.find<T>(id)) : TRY(by_place<T>(table, id));
  if (how != Asked::ByPlaceByAnyone) TRY(object->check(ipc::MayRead));
  return object;
}

}  // namespace

// ---- shared memory ----

Result sys_shmget(int key, size_t bytes, uint32_t flags) {
  constexpr size_t Most = size_t(1) << 38;
  bool made = false;
  auto segment = TRY(ipc::segments.get<ipc::Segment>(key, flags, [&]() -> ErrorOr<Ref<ipc::Segment>> {
    if (!bytes || bytes > Most) return fail(Errno::Invalid);
    made = true;
    return ipc::Segment::create(bytes);
  }));
  if (!made && bytes > segment->bytes()) return fail(Errno::Invalid);
  return uint64_t(segment->id);
}

Result sys_shmat(int id, UserAddress address, uint32_t flags) {
  constexpr uint32_t ReadOnly = 010000, Round = 020000, Remap = 040000, Execute = 0100000;
  auto segment = TRY(ipc::segments.find<ipc::Segment>(id));
  bool writes = !(flags & ReadOnly);
  TRY(segment->check(ipc::MayRead | (writes ? ipc::MayWrite : 0)));
  if (address && address.page_offset()) {
    if (!(flags & Round)) return fail(Errno::Invalid);
    address = address.page();
  }
  if (!address && flags & Remap) return fail(Errno::Invalid);
  MappingRequest request;
  request.address = address;
  request.bytes = round_up(segment->bytes(), PageSize);
  request.protection = ProtectionRead | (writes ? ProtectionWrite : 0) | (flags & Execute ? ProtectionExecute : 0);
  request.sharing = Sharing::Shared;
  if (!writes) request.max_protection &= ~uint32_t(ProtectionWrite);
  request.placement = !address ? Placement::Hint : flags & Remap ? Placement::Fixed : Placement::FixedNoReplace;
  request.inode = segment->memory();
  auto place = current_thread().address_space->map(request);
  if (!place) return fail(place.error() == Errno::Exists ? Errno::Invalid : place.error());
  segment->attached_at = now();
  segment->last = current_process().pid;
  return place->value;
}

Result sys_shmdt(UserAddress address) {
  if (address.page_offset()) return fail(Errno::Invalid);
  AddressSpace& space = *current_thread().address_space;
  // What is left of the mapping that began there, piece by piece.
  struct Search {
    UserAddress start;
    UserAddress from, to;
    Ref<ipc::Segment> segment;
  } search{address, {}, {}, {}};
  bool found = false;
  for (;;) {
    search.from = search.to = {};
    space.for_each([](void* context, const AddressSpace::MappingView& m) {
      auto& s = *static_cast<Search*>(context);
      if (m.sharing != Sharing::Shared || !m.inode || m.start.value - m.offset != s.start.value) return true;
      Ref<ipc::Segment> segment = ipc::segment_of(m.inode);
      if (!segment || (s.segment && !(segment == s.segment))) return true;
      s.segment = segment;
      s.from = m.start;
      s.to = m.end;
      return false;
    }, &search);
    if (!search.to) break;
    found = true;
    TRY(space.unmap(search.from, search.to.value - search.from.value));
  }
  if (!found) return fail(Errno::Invalid);
  search.segment->detached_at = now();
  search.segment->last = current_process().pid;
  return 0;
}

Result sys_shmctl(int id, int command, UserAddress argument) {
  constexpr int Lock = 11, Unlock = 12, ByPlace = 13, Totals = 14, ByPlaceByAnyone = 15;
  command &= ~ipc::WideStructures;
  if (id < 0 && command != ipc::Information && command != Totals) return fail(Errno::Invalid);
  switch (command) {
    case ipc::Information: {
      struct { uint64_t most, least, segments, per_process, all, unused[4]; } info{~uint64_t(0) - (1 << 24), 1, ipc::Table::Capacity, ipc::Table::Capacity,
                                                                                     ~uint64_t(0) - (1 << 24), {}};
      TRY(UserOut<decltype(info)>{argument}.write(info));
      return uint64_t(ipc::segments.highest());
    }
    case Totals: {
      struct { int32_t used, pad; uint64_t total, resident, swapped, attempts, successes; } info{};
      info.used = int32_t(ipc::segments.count());
      for (unsigned i = 0; i < ipc::Table::Capacity; i++)
        if (auto s = static_cast<ipc::Segment*>(ipc::segments.at(i))) info.total += pages_for(s->bytes());
      TRY(UserOut<decltype(info)>{argument}.write(info));
      return uint64_t(ipc::segments.highest());
    }
    case ipc::Status:
    case ByPlace:
    case ByPlaceByAnyone: {
      auto s = TRY(asked_for<ipc::Segment>(ipc::segments, id, command == ipc::Status ? Asked::ById : command == ByPlace ? Asked::ByPlace : Asked::ByPlaceByAnyone));
      SegmentRecord r{s->permissions, s->bytes(), s->attached_at, s->detached_at, s->changed_at, s->creator, s->last, s->attached(), {}};
      TRY(UserOut<SegmentRecord>{argument}.write(r));
      return command == ipc::Status ? 0 : uint64_t(s->id);
    }
    case ipc::Set: {
      auto s = TRY(ipc::segments.find<ipc::Segment>(id));
      auto wanted = TRY(UserIn<SegmentRecord>{argument}.read());
      TRY(s->check_owner());
      s->set_owner(wanted.permissions);
      s->changed_at = now();
      return 0;
    }
    case ipc::Remove: {
      auto s = TRY(ipc::segments.find<ipc::Segment>(id));
      TRY(s->check_owner());
      s->remove();
      return 0;
    }
    case Lock:
    case Unlock: TRY(TRY(ipc::segments.find<ipc::Segment>(id))->check_owner()); return 0;  // nothing is ever swapped out
    default: return fail(Errno::Invalid);
  }
}

// ---- semaphores ----

Result sys_semget(int key, int count, uint32_t flags) {
  if (count < 0 || count > int(ipc::SemaphoreSet::MaxSemaphores)) return fail(Errno::Invalid);
  auto set = TRY(ipc::semaphores.get<ipc::SemaphoreSet>(key, flags, [&]() -> ErrorOr<Ref<ipc::SemaphoreSet>> {
    if (!count) return fail(Errno::Invalid);
    return ipc::SemaphoreSet::create(unsigned(count));
  }));
  if (unsigned(count) > set->count()) return fail(Errno::Invalid);
  return uint64_t(set->id);
}

Result sys_semtimedop(int id, UserIn<ipc::SemaphoreOperation> in, size_t count, UserIn<TimeSpec> timeout) {
  constexpr size_t Few = 16;
  if (count < 1 || id < 0) return fail(Errno::Invalid);
  if (count > ipc::SemaphoreSet::MaxOperations) return fail(Errno::TooBig);
  struct Memory {
    explicit Memory(size_t wanted) : count(wanted) {}
    ipc::SemaphoreOperation few[Few];
    ipc::SemaphoreOperation* all = few;
    size_t count;
    ~Memory() { if (all && all != few) heap_free(all, count * sizeof *all, alignof(ipc::SemaphoreOperation)); }
  } memory(count);
  if (count > Few) memory.all = static_cast<ipc::SemaphoreOperation*>(heap_allocate(count * sizeof *memory.all, alignof(ipc::SemaphoreOperation)));
  if (!memory.all) return fail(Errno::NoMemory);
  TRY(copy_from_user(memory.all, in.address, count * sizeof *memory.all));
  uint64_t deadline = NoDeadline;
  if (timeout) {
    TimeSpec t = TRY(timeout.read());
    if (!t.valid()) return fail(Errno::Invalid);
    deadline = ticks_now() + tick_rate().from(t);
  }
  auto set = TRY(ipc::semaphores.find<ipc::SemaphoreSet>(id));
  bool alters = false;
  for (size_t i = 0; i < count; i++) {
    if (memory.all[i].number >= set->count()) return fail(Errno::FileTooBig);
    alters |= memory.all[i].change != 0;
  }
  TRY(set->check(alters ? ipc::MayWrite : ipc::MayRead));
  TRY(interruptible(set->operate({memory.all, count}, deadline)));
  return 0;
}

Result sys_semop(int id, UserIn<ipc::SemaphoreOperation> operations, size_t count) { return sys_semtimedop(id, operations, count, {}); }

namespace {

// semctl(2): a value that is set is not taken back by anybody's end.
void forget_undo(ipc::SemaphoreSet& set, int number) {
  for_each_process([&](Process& p) {
    for (ipc::UndoEntry* e = p.undo.first; e; e = e->next)
      if (e->set.get() == &set && (number < 0 || e->number == unsigned(number))) e->change = 0;
    return true;
  });
}

}  // namespace

Result sys_semctl(int id, int number, int command, uint64_t argument) {
  constexpr int GetPid = 11, GetValue = 12, GetAll = 13, CountGrow = 14, CountZero = 15, SetValue = 16, SetAll = 17, ByPlace = 18, Totals = 19,
                ByPlaceByAnyone = 20;
  command &= ~ipc::WideStructures;
  UserAddress address(argument);
  switch (command) {
    case ipc::Information:
    case Totals: {
      struct { int32_t map, sets, all, undo, per_set, operations, per_process, size, value, adjust; } info{
          1024000000, int32_t(ipc::Table::Capacity), 1024000000, 1024000000, int32_t(ipc::SemaphoreSet::MaxSemaphores),
          int32_t(ipc::SemaphoreSet::MaxOperations), 500, 20, int32_t(ipc::SemaphoreSet::MaxValue), int32_t(ipc::SemaphoreSet::MaxValue)};
      if (command == Totals) {
        info.size = int32_t(ipc::semaphores.count());
        info.adjust = 0;
        for (unsigned i = 0; i < ipc::Table::Capacity; i++)
          if (auto s = static_cast<ipc::SemaphoreSet*>(ipc::semaphores.at(i))) info.adjust += int32_t(s->count());
      }
      TRY(UserOut<decltype(info)>{address}.write(info));
      return uint64_t(ipc::semaphores.highest());
    }
    case ipc::Status:
    case ByPlace:
    case ByPlaceByAnyone: {
      auto s = TRY(asked_for<ipc::SemaphoreSet>(ipc::semaphores, id, command == ipc::Status ? Asked::ById : command == ByPlace ? Asked::ByPlace : Asked::ByPlaceByAnyone));
      TRY(UserOut<SemaphoreRecord>{address}.write({s->permissions, s->operated_at, s->changed_at, s->count(), {}}));
      return command == ipc::Status ? 0 : uint64_t(s->id);
    }
    default: break;
  }
  auto set = TRY(ipc::semaphores.find<ipc::SemaphoreSet>(id));
  bool one = command == GetPid || command == GetValue || command == CountGrow || command == CountZero || command == SetValue;
  if (one && unsigned(number) >= set->count()) return fail(Errno::Invalid);
  switch (command) {
    case ipc::Set: {
      auto wanted = TRY(UserIn<SemaphoreRecord>{address}.read());
      TRY(set->check_owner());
      set->set_owner(wanted.permissions);
      set->changed_at = now();
      return 0;
    }
    case ipc::Remove:
      TRY(set->check_owner());
      set->remove_from(ipc::semaphores);
      return 0;
    case SetValue:
      TRY(set->check(ipc::MayWrite));
      TRY(set->set_value(unsigned(number), int(argument)));
      forget_undo(*set, number);
      set->changed();
      return 0;
    case SetAll: {
      TRY(set->check(ipc::MayWrite));
      // All are looked at before the first is set.
      for (unsigned i = 0; i < set->count(); i++)
        if (TRY(UserIn<uint16_t>{address}.read(i)) > ipc::SemaphoreSet::MaxValue) return fail(Errno::Range);
      for (unsigned i = 0; i < set->count(); i++) TRY(set->set_value(i, TRY(UserIn<uint16_t>{address}.read(i))));
      forget_undo(*set, -1);
      set->changed();
      return 0;
    }
    default: break;
  }
  TRY(set->check(ipc::MayRead));
  switch (command) {
    case GetPid: return uint64_t(set->pid(unsigned(number)));
    case GetValue: return set->value(unsigned(number));
    case CountGrow: return set->waiting(unsigned(number), false);
    case CountZero: return set->waiting(unsigned(number), true);
    case GetAll:
      for (unsigned i = 0; i < set->count(); i++) TRY(UserOut<uint16_t>{address}.write(set->value(i), i));
      return 0;
    default: return fail(Errno::Invalid);
  }
}

// ---- message queues ----

Result sys_msgget(int key, uint32_t flags) {
  auto queue = TRY(ipc::message_queues.get<ipc::MessageQueue>(key, flags, [] { return ipc::MessageQueue::create(); }));
  return uint64_t(queue->id);
}

Result sys_msgsnd(int id, UserAddress message, size_t bytes, uint32_t flags) {
  int64_t type = TRY(UserIn<int64_t>{message}.read());
  if (int64_t(bytes) < 0 || bytes > ipc::MessageQueue::MaxMessage || type < 1 || id < 0) return fail(Errno::Invalid);
  auto queue = TRY(ipc::message_queues.find<ipc::MessageQueue>(id));
  TRY(queue->check(ipc::MayWrite));
  TRY(interruptible(queue->send(type, Buffer::user(message + sizeof type, bytes), !(flags & ipc::NoWait))));
  return 0;
}

Result sys_msgrcv(int id, UserAddress message, size_t bytes, int64_t type, uint32_t flags) {
  if (int64_t(bytes) < 0 || id < 0) return fail(Errno::Invalid);
  auto queue = TRY(ipc::message_queues.find<ipc::MessageQueue>(id));
  TRY(queue->check(ipc::MayRead));
  auto taken = TRY(interruptible(queue->receive(Buffer::user(message + sizeof type, std::min(bytes, MaxTransfer)), type, flags)));
  TRY(UserOut<int64_t>{message}.write(taken.type));
  return taken.bytes;
}

Result sys_msgctl(int id, int command, UserAddress argument) {
  constexpr int ByPlace = 11, Totals = 12, ByPlaceByAnyone = 13;
  command &= ~ipc::WideStructures;
  if (id < 0 && command != ipc::Information && command != Totals) return fail(Errno::Invalid);
  switch (command) {
    case ipc::Information:
    case Totals: {
      struct { int32_t pool, map, most, queue, queues, size, all; uint16_t segments, pad; } info{
          512000, 16384, int32_t(ipc::MessageQueue::MaxMessage), int32_t(ipc::MessageQueue::DefaultBytes), int32_t(ipc::Table::Capacity), 16, 16384, 0xffff, 0};
      if (command == Totals) {
        info.pool = int32_t(ipc::message_queues.count());
        info.map = info.all = 0;
        for (unsigned i = 0; i < ipc::Table::Capacity; i++)
          if (auto q = static_cast<ipc::MessageQueue*>(ipc::message_queues.at(i))) {
            info.map += int32_t(q->count());
            info.all += int32_t(q->bytes());
          }
      }
      TRY(UserOut<decltype(info)>{argument}.write(info));
      return uint64_t(ipc::message_queues.highest());
    }
    case ipc::Status:
    case ByPlace:
    case ByPlaceByAnyone: {
      auto q = TRY(asked_for<ipc::MessageQueue>(ipc::message_queues, id, command == ipc::Status ? Asked::ById : command == ByPlace ? Asked::ByPlace : Asked::ByPlaceByAnyone));
      TRY(UserOut<QueueRecord>{argument}.write({q->permissions, q->sent_at, q->received_at, q->changed_at, q->bytes(), q->count(), q->limit, q->sender, q->receiver, {}}));
      return command == ipc::Status ? 0 : uint64_t(q->id);
    }
    case ipc::Set: {
      auto q = TRY(ipc::message_queues.find<ipc::MessageQueue>(id));
      auto wanted = TRY(UserIn<QueueRecord>{argument}.read());
      TRY(q->check_owner());
      if (wanted.limit > ipc::MessageQueue::DefaultBytes && !current_credentials().has(Capability::Resource)) return fail(Errno::Perm);
      q->set_owner(wanted.permissions);
      q->limit = wanted.limit;
      q->changed_at = now();
      q->changed();
      return 0;
    }
    case ipc::Remove: {
      auto q = TRY(ipc::message_queues.find<ipc::MessageQueue>(id));
      TRY(q->check_owner());
      q->remove_from(ipc::message_queues);
      return 0;
    }
    default: return fail(Errno::Invalid);
  }
}

}  // namespace pl
