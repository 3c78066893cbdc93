// SPDX-License-Identifier: BSD-2-Clause
// The virtual board: one QEMU process, its serial port to the agent, its console.
#pragma once

#include <sys/types.h>

#include <expected>
#include <string>

#include "../client/configuration.h"
#include "../client/directory.h"
#include "../system/descriptor.h"

namespace pl::machine {

struct Board {
  pid_t process = -1;
  Descriptor pidfd;    // readable when QEMU has ended
  Descriptor port;     // our end of the agent's serial port
  Descriptor console;  // what the firmware, the kernel and QEMU itself print
};

// The error is a line for the user.
std::expected<Board, std::string> start_board(const Configuration& configuration, const Directory& directory);

// Ends QEMU in an orderly way from outside, when the agent does not.
void quit_board(const Directory& directory);

}  // namespace pl::machine
