// SPDX-License-Identifier: BSD-2-Clause
// A command on a machine that is not RISC-V: the one of the same name in the embedded machine. A wrong line, or --help, needs none.
#include <cstdio>

#include "../client/session.h"
#include "commands/lines.h"

int main(int argc, char** argv) {
  if (const auto stop = pl::check_command_line(PL_COMMAND, argc, argv)) {
    std::fputs(stop->text.c_str(), stop->status ? stderr : stdout);
    return stop->status;
  }
  return pl::machine::forward(PL_COMMAND, argc, argv);
}
