// SPDX-License-Identifier: BSD-2-Clause
// pl-ps, pl-logs, pl-kill, pl-wait, pl-rm and pl-top: one program that looks at its name.
#include <cstdio>
#include <iterator>
#include <string>

#include "commands/instances.h"

namespace {

constexpr struct {
  const char* name;
  int (*run)(const pl::CommandLine& line);
} kCommands[] = {
    {"pl-ps", pl::show_instances}, {"pl-logs", pl::show_logs}, {"pl-kill", pl::send_signal},
    {"pl-wait", pl::wait_for_end}, {"pl-rm", pl::remove_instances}, {"pl-top", pl::show_top},
};

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argv[0], name = path.substr(path.rfind('/') + 1);
  auto line = pl::parse_command_line(name, argc, argv);
  if (!line) {
    std::fputs(line.error().text.c_str(), line.error().status ? stderr : stdout);
    return line.error().status;
  }
  for (const auto& command : kCommands)
    if (name == command.name) return command.run(*line);
  return pl::complain(name, "call it by one of its names");
}
