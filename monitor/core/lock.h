// SPDX-License-Identifier: BSD-2-Clause
// Short locks. A hart that waits for one goes on serving inter-hart requests, so that a holder who waits for this hart's
// acknowledgement is never waited for in turn.
#pragma once

#include "core/types.h"

namespace pl::arch {
void poll();  // serves pending inter-hart requests
}

namespace pl {

class Lock {
 public:
  void acquire() {
    while (__atomic_exchange_n(&held_, 1u, __ATOMIC_ACQUIRE)) {
      while (__atomic_load_n(&held_, __ATOMIC_RELAXED)) arch::poll();
    }
  }
  void release() { __atomic_store_n(&held_, 0u, __ATOMIC_RELEASE); }

 private:
  u32 held_ = 0;
};

class LockGuard {
 public:
  explicit LockGuard(Lock& lock) : lock_(lock) { lock_.acquire(); }
  enum Adopt { adopt };
  LockGuard(Lock& lock, Adopt) : lock_(lock) {}  // held already
  ~LockGuard() { lock_.release(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace pl
