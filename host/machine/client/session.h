// SPDX-License-Identifier: BSD-2-Clause
// What every front end does: settings, folder, connection, environment, command.
#pragma once

#include <string>
#include <vector>

#include "command.h"

namespace pl::machine {

// Settings, images and fingerprint as this process sees them. An error is a line for the user.
std::expected<Configuration, std::string> current_configuration();

// For plain commands in the machine: the user's language, terminal and time zone.
std::vector<std::string> plain_environment();
// For our own commands, which look at the user's variables as they would at home (pl-run -e NAME): all but what speaks of this
// computer's programs and libraries.
std::vector<std::string> forwarded_environment();

// Where the interpreters and libraries of dynamic programs are: directories, separated by ':'.
std::string sysroots();

// Connects, starting the machine if need be, and runs. Failures are said on standard error.
int run_in_machine(const Request& request);

// In a machine of its own, which nobody else uses and which ends with the command: other settings, and nothing warm.
int run_in_private_machine(const Request& request, const Overrides& overrides);

// A front end that is the same command as the one inside.
int forward(const std::string& name, int argc, char** argv);

int complain(const std::string& name, const std::string& text);

}  // namespace pl::machine
