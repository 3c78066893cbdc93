// SPDX-License-Identifier: BSD-2-Clause
// Locks of a host file, as the host sees them: of each kind one handle holds what all owners in this instance hold together, since two
// handles would be in each other's way.
#pragma once

#include "fs/locks.h"
#include "ocall/operations.h"

namespace pl {

// A handle of the server's, closed with the last reference. Fixed ones (mount roots) are never closed.
class HostHandle : public RefCounted {
 public:
  HostHandle(uint32_t number, bool fixed) : number_(number), fixed_(fixed) {}
  ~HostHandle() override { if (!fixed_) ocall::close(number_); }
  uint32_t number() const { return number_; }

 private:
  uint32_t number_;
  bool fixed_;
};

class HostLocks : public locks::Authority {
 public:
  // Locks of `inode` may be set through `handle`: it is kept if there is none yet, or none that can have an exclusive lock and this one can.
  ErrorOr<void> lend(Inode& inode, locks::Kind kind, const Ref<HostHandle>& handle, bool writable);
  ErrorOr<void> set(locks::Kind kind, locks::Type type, uint64_t first, uint64_t last) override;
  ErrorOr<bool> test(const locks::Lock& wanted, locks::Lock& blocker) override;

 private:
  struct Through {
    Ref<HostHandle> handle;
    bool writable = false;
  } through_[2];
};

}  // namespace pl
