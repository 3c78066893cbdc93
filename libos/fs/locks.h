// SPDX-License-Identifier: BSD-2-Clause
// Advisory locks, inside this instance: flock(2) and OFD locks belong to a file description, POSIX record locks to a process (its
// descriptor table stands for it).
#pragma once

#include <cstdint>

#include "base/error.h"
#include "fs/inode.h"

namespace pl::locks {

enum class Kind : uint8_t { Flock, Record };
enum class Type : uint8_t { Read = 0, Write = 1, Unlock = 2 };  // F_RDLCK, F_WRLCK, F_UNLCK

struct Lock {
  Kind kind;
  Type type;
  const void* owner;  // File or Descriptors
  int pid;            // for F_GETLK; -1 of an OFD lock
  uint64_t first, last;
};

enum class Blocking : uint8_t { No, Yes };

// EAGAIN when another owner's lock is in the way; a blocking one sleeps, interruptibly.
ErrorOr<void> set(Inode& inode, const Lock& lock, Blocking blocking);
// The first lock in the way, or none.
bool test(Inode& inode, const Lock& wanted, Lock& blocker);
void release_records(Inode& inode, const void* owner);
void release_all(Inode& inode, const void* owner);
// For /proc/locks.
bool any();

}  // namespace pl::locks
