// SPDX-License-Identifier: BSD-2-Clause
// The files of /proc as data: each is a row with a function that writes its text.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "fs/text.h"

namespace pl {

class Process;
class Thread;

namespace proc {

enum class Kind : uint8_t { Directory, Text, Link };

// Rows of the system's part: `parent` is the index of a directory row, 0 the root.
struct SystemNode {
  std::string_view name;
  uint8_t parent;
  Kind kind;
  void (*write)(Text&);
};
extern const SystemNode system_nodes[];
extern const unsigned system_node_count;

// Files of a process, and of each of its threads.
struct ProcessNode {
  std::string_view name;
  uint32_t mode;
  void (*write)(Text&, Process&, Thread*);  // of a thread below task/, or null
  bool of_memory = false;  // for those only who may look into the process' memory (ptrace(2), "Ptrace access mode checking")
  // What a program writes there; null: it cannot.
  ErrorOr<void> (*set)(std::string_view text, Process&, Thread*) = nullptr;
};
extern const ProcessNode process_nodes[];
extern const unsigned process_node_count;

}  // namespace proc
}  // namespace pl
