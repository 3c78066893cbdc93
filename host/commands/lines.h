// SPDX-License-Identifier: BSD-2-Clause
// The command lines of pl-template and of the commands for running instances; for the commands inside the machine and for those
// in front of it, which so refuse a wrong line, and answer --help, without a machine.
#pragma once

#include <string>
#include <vector>

#include "run/options.h"

namespace pl {

struct CommandLine {
  std::vector<std::string> names;  // NAME, NAME.INDEX, or of templates ID too
  bool all = false, json = false;
  bool follow = false;         // pl-logs
  bool once = false;           // pl-top
  bool force = false;          // pl-rm
  int signal = 0;              // pl-kill
  uint64_t milliseconds = 0;   // pl-top: between two looks; pl-template prune: idle for longer than this
  std::string action;          // pl-template
  RunOptions build;            // of its action "build"
};

// Why `name` ends without doing anything, as parse_run_options(); status 2 for a wrong line.
std::expected<CommandLine, OptionsStop> parse_command_line(const std::string& name, int argc, const char* const* argv);

// The same for any command with a front end, pl-run included: nothing, and the line is right.
std::optional<OptionsStop> check_command_line(const std::string& name, int argc, const char* const* argv);

}  // namespace pl
