// SPDX-License-Identifier: BSD-2-Clause
// Files that raise a signal when they become ready: F_SETOWN, F_SETSIG and O_ASYNC of fcntl(2). Which can: File::raises_signals().
#pragma once

#include "base/hot.h"
#include "fs/file.h"

namespace pl::async {

struct Owner {
  enum Kind : int32_t { Thread = 0, Process = 1, Group = 2 };  // F_OWNER_*
  int32_t kind = Thread, id = 0;                               // id 0: nobody
};

Owner owner_of(const File& file);
ErrorOr<void> set_owner(File& file, Owner owner);  // EINVAL, ESRCH
int signal_of(const File& file);                   // 0: SIGIO, which says nothing more
ErrorOr<void> set_signal(File& file, int number);
// O_ASYNC. `descriptor` is the one that a signal of its own names.
ErrorOr<void> turn(File& file, int descriptor, bool on);
// SIGURG to the owner: urgent data has come.
void tell_urgent(const File& file);

// Some file was woken that tells somebody (WorkAsync): the signals are sent now, outside of every lock.
void look();

extern unsigned watched_files;  // that have an owner, a signal or O_ASYNC
void forget(File& file);

}  // namespace pl::async
