// SPDX-License-Identifier: BSD-2-Clause
// Advisory locks: flock(2) and OFD locks belong to a file description, POSIX record locks to a process (its descriptor table stands for it).
// Who holds what in this instance is known here alone. Of a file of the host, the host is told what all of them hold together, and has a say.
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

// Who else has a say about a file's locks.
class Authority {
 public:
  // All owners in this instance together have this now. EAGAIN: somebody outside has it.
  virtual ErrorOr<void> set(Kind kind, Type type, uint64_t first, uint64_t last) = 0;
  // Whether somebody outside is in the way of `wanted`, a record lock, and what is.
  virtual ErrorOr<bool> test(const Lock& wanted, Lock& blocker) = 0;

 protected:
  ~Authority() = default;
};

enum class Blocking : uint8_t { No, Yes };

// EAGAIN when another owner's lock is in the way; a blocking one sleeps, interruptibly.
ErrorOr<void> set(File& file, const Lock& lock, Blocking blocking);
// The first lock in the way, or none.
ErrorOr<bool> test(File& file, const Lock& wanted, Lock& blocker);
void release_records(Inode& inode, const void* owner);
void release_all(Inode& inode, const void* owner);
// What is held of that kind, one range after the other.
ErrorOr<void> for_each(Inode& inode, Kind kind, ErrorOr<void> (*visit)(void*, const Lock&), void* context);
// For /proc/locks.
bool any();

}  // namespace pl::locks
