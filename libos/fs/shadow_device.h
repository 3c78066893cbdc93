// SPDX-License-Identifier: BSD-2-Clause
// /dev/shadow: the shadow point for any language, and what an instance may know of itself.
#pragma once

#include "fs/file.h"
#include "fs/text.h"

namespace pl {

ErrorOr<Ref<File>> open_shadow_device(Ref<Inode> node, uint32_t flags);

// What it says, in lines of a name and a value; /proc/shadow says the same and freezes nothing.
void describe_instance(Text& text);

// ---- shadow/'s ----

// True: this is a template that waits for its program to come here, and it is going to freeze when the calling thread is on its way back.
// The call then begins again, in each fork.
bool shadow_point_wanted();
// True once in each fork: its template was frozen by the call that is being made again.
bool shadow_point_reached();
struct InstanceAccount {
  bool fork;
  const char* point;  // "none", "entry", "main", "call", "boot"
  bool program_measured;  // false: the measurement covers the tree that the program is of, and the host named it
  uint64_t id, generation;
  const uint8_t* measurement;  // 48 bytes
};
InstanceAccount instance_account();

}  // namespace pl
