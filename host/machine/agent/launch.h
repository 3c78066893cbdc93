// SPDX-License-Identifier: BSD-2-Clause
// Makes the process of a command: descriptors, terminal, identity, directory, execve.
//
// Without a terminal the command is a child of the agent, in a process group of its own. With one it needs a session of its own,
// and somebody in that session outside its group: a group whose every member's parent is outside the session is orphaned, and
// Ctrl-Z does nothing to it (POSIX, General Terminal Interface). So a leader stands between, which waits for the command and
// reports what becomes of it.
#pragma once

#include <sys/types.h>

#include <expected>

#include "../system/descriptor.h"
#include "../wire/message.h"

namespace pl::machine::agent {

enum class News : uint32_t {
  kStarted = 1,   // process id; the leader says it
  kStopped,       // signal
  kExited,        // wait status
  kNoDirectory,   // errno of chdir
  kNoIdentity,    // errno of setgroups, setgid or setuid
  kNoProgram,     // errno of execve
};

// What the leader, or a command that could not be started, says through the news pipe.
struct Report {
  News news;
  int32_t value;
};

struct Launched {
  pid_t process = -1;  // of the command, or of its leader
  bool has_leader = false;
  Descriptor input;       // to write standard input to; none if the command has none of ours
  Descriptor output[3];   // to read standard output, standard error and the terminal from, where there is one
  Descriptor news;        // Reports
  Descriptor keep;        // the leader lives until this is closed
};

// The error is an errno: of fork, of a pipe or of the pseudoterminal.
std::expected<Launched, int> launch(const Spawn& spawn, const Identity& identity);

void set_window_size(int terminal, const WindowSize& window);

}  // namespace pl::machine::agent
