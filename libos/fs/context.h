// SPDX-License-Identifier: BSD-2-Clause
// What a file system call needs to know about its caller. Processes own these; the `current_*` functions are process/'s.
#pragma once

#include <cstdint>

#include "base/capability.h"
#include "base/ref.h"
#include "fs/inode.h"

namespace pl {

class Descriptors;

// Working directory, root and umask: shared by threads (CLONE_FS), copied by fork.
class FileContext : public RefCounted {
 public:
  FileContext(Ref<Inode> root_, Ref<Inode> directory_, uint32_t umask_)
      : root(std::move(root_)), directory(std::move(directory_)), umask(umask_) {}
  ErrorOr<Ref<FileContext>> clone() const { return make<FileContext>(root, directory, umask); }

  Ref<Inode> root;
  Ref<Inode> directory;
  uint32_t umask;
};

// Who asks: the file system ids, or the real ones for access(2).
struct FileCredentials {
  uint32_t uid = 0, gid = 0;
  const uint32_t* groups = nullptr;
  uint32_t group_count = 0;
  CapabilitySet effective;

  bool has(Capability c) const { return effective.has(c); }
  bool in_group(uint32_t g) const {
    if (g == gid) return true;
    for (uint32_t i = 0; i < group_count; i++)
      if (groups[i] == g) return true;
    return false;
  }
};

// Of the current thread; defined by process/.
FileContext& current_file_context();
Descriptors& current_descriptors();
FileCredentials current_file_credentials();
FileCredentials current_real_credentials();  // real uid and gid, for access(2)
uint64_t current_file_size_limit();          // RLIMIT_FSIZE
void signal_broken_pipe();                   // SIGPIPE to the current thread
void signal_file_size();                     // SIGXFSZ to the current thread
bool signal_pending();                       // an unblocked signal waits for the current thread
int64_t realtime_nanoseconds();              // CLOCK_REALTIME; time/

}  // namespace pl
