// SPDX-License-Identifier: BSD-2-Clause
// Runs one command in the machine as if it were this process: its descriptors, signals, terminal and exit status.
#pragma once

#include <string>
#include <vector>

#include "connection.h"

namespace pl::machine {

inline constexpr int kOurFailure = 125;
inline constexpr int kCannotRun = 126;
inline constexpr int kNotFound = 127;

struct Request {
  std::string name;                      // of the front end, before each of its messages
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
};

// Returns what this process shall exit with: the command's status, 128+n for a signal, 125 to 127 for a failure that has been said
// on standard error. Takes over the standard descriptors and the signals, so nothing but exit should follow.
int run(Connection connection, const Request& request);

}  // namespace pl::machine
