// SPDX-License-Identifier: BSD-2-Clause
#include "fs/host/host_locks.h"

namespace pl {

using locks::Kind;
using locks::Type;

static_assert(uint32_t(Type::Read) == PL_LOCK_SHARED && uint32_t(Type::Write) == PL_LOCK_EXCLUSIVE && uint32_t(Type::Unlock) == PL_LOCK_RELEASE);

static uint32_t type_of(Kind kind, Type type) { return uint32_t(type) | (kind == Kind::Flock ? PL_LOCK_FLOCK : 0); }

ErrorOr<void> HostLocks::lend(Inode& inode, Kind kind, const Ref<HostHandle>& handle, bool writable) {
  Through& through = through_[unsigned(kind)];
  if (through.handle && (through.writable || !writable)) return {};
  if (through.handle) {
    // Shared ones, all of them: both handles have them for a moment, so that nobody gets between.
    TRY(locks::for_each(inode, kind, [](void* to, const locks::Lock& l) {
      return ocall::lock(static_cast<HostHandle*>(to)->number(), type_of(l.kind, l.type), l.first, l.last);
    }, handle.get()));
    TRY(ocall::lock(through.handle->number(), type_of(kind, Type::Unlock), 0, INT64_MAX));
  }
  through = {handle, writable};
  return {};
}

ErrorOr<void> HostLocks::set(Kind kind, Type type, uint64_t first, uint64_t last) {
  Through& through = through_[unsigned(kind)];
  if (!through.handle) return {};  // nothing was ever held
  return ocall::lock(through.handle->number(), type_of(kind, type), first, last);
}

ErrorOr<bool> HostLocks::test(const locks::Lock& wanted, locks::Lock& blocker) {
  ocall::ForeignLock found;
  if (!TRY(ocall::test_lock(through_[unsigned(wanted.kind)].handle->number(), uint32_t(wanted.type), wanted.first, wanted.last, found))) return false;
  // fcntl_locking(2): -1 is the process of a lock that is of no process here.
  blocker = {wanted.kind, found.exclusive ? Type::Write : Type::Read, nullptr, -1, found.first, found.last};
  return true;
}

}  // namespace pl
