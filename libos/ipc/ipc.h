// SPDX-License-Identifier: BSD-2-Clause
// What System V's three kinds of objects have in common (sysvipc(7)): keys, identifiers, owners and permissions.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/ref.h"

namespace pl::ipc {

constexpr int Private = 0;                                        // IPC_PRIVATE
constexpr uint32_t Create = 01000, Exclusive = 02000, NoWait = 04000;
constexpr int Remove = 0, Set = 1, Status = 2, Information = 3;   // IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO
constexpr int WideStructures = 0x100;                             // IPC_64: the only layout there is here
constexpr uint32_t MayRead = 0444, MayWrite = 0222;

struct Permissions {  // struct ipc64_perm
  int32_t key;
  uint32_t uid, gid, creator_uid, creator_gid, mode;
  uint16_t sequence, pad1[3];
  uint64_t unused[2];
};
static_assert(sizeof(Permissions) == 48);

class Object : public RefCounted {
 public:
  Permissions permissions{};
  bool removed = false;
  int id = -1;

  // EACCES unless the caller may do what `wanted` says (MayRead | MayWrite).
  ErrorOr<void> check(uint32_t wanted) const;
  // EPERM unless the caller owns or made it: IPC_SET and IPC_RMID.
  ErrorOr<void> check_owner() const;
  // IPC_SET's part of it.
  void set_owner(const Permissions& from);
};

// The objects of one kind by identifier and key. An identifier carries a sequence number, so that an old one is EINVAL or EIDRM.
class Table {
 public:
  static constexpr unsigned Capacity = 1024, SequenceStep = 32768;
  constexpr Table() = default;
  // semget and its like: the object with this key, or a new one that `create` makes. Its access is checked.
  template <class T, class Make>
  ErrorOr<Ref<T>> get(int key, uint32_t flags, Make create) {
    if (key != Private) {
      if (Object* found = find_key(key)) {
        if (flags & Create && flags & Exclusive) return fail(Errno::Exists);
        TRY(found->check(flags & 0666));
        return Ref<T>(static_cast<T*>(found));
      }
      if (!(flags & Create)) return fail(Errno::NoEntry);
    }
    Ref<T> made = TRY(create());
    TRY(add(Ref<Object>(made), key, flags));
    return made;
  }
  template <class T>
  ErrorOr<Ref<T>> find(int id) const { return Ref<T>(static_cast<T*>(TRY(find_object(id)))); }
  // By place in the table, as SEM_STAT and its like count; null: none there.
  Object* at(unsigned index) const { return slots_ && index < Capacity ? slots_[index] : nullptr; }
  unsigned count() const { return count_; }
  int highest() const;
  // No key or identifier finds it any more.
  void remove(Object& object);

 private:
  Object* find_key(int key) const;
  ErrorOr<Object*> find_object(int id) const;
  ErrorOr<void> add(Ref<Object> object, int key, uint32_t flags);
  Object** slots_ = nullptr;
  unsigned count_ = 0;
  uint16_t sequence_ = 0;
};

}  // namespace pl::ipc
