// SPDX-License-Identifier: BSD-2-Clause
// pl-kill, pl-wait and pl-rm.
#include <fmt/format.h>

#include <cstring>

#include "commands/instances.h"

namespace pl {

int send_signal(const CommandLine& line) {
  int status = 0;
  for (const std::string& name : line.names)
    if (auto sent = signal_instance(name, line.signal); !sent) status = complain("pl-kill", name + ": " + sent.error());
  return status;
}

int wait_for_end(const CommandLine& line) {
  int status = 0;
  auto all = nlohmann::json::array();
  for (const std::string& name : line.names) {
    auto end = await_instance(name);
    if (!end) {
      status = complain("pl-wait", name + ": " + end.error());
      continue;
    }
    status = end->status;
    all.push_back({{"name", name}, {"status", end->status}, {"message", end->message}});
  }
  if (line.json) fmt::print("{}\n", all.dump(2));
  return status;
}

int remove_instances(const CommandLine& line) {
  std::vector<std::string> names = line.names;
  if (line.all) {
    auto entries = list_entries();
    if (!entries) return complain("pl-rm", std::strerror(entries.error()));
    for (const Found& found : *entries)
      if (!found.alive()) names.push_back(found.name);
  }
  int status = 0;
  for (const std::string& name : names)
    if (auto forgotten = forget_instance(name, line.force ? Force::Yes : Force::No); !forgotten) status = complain("pl-rm", name + ": " + forgotten.error());
  return status;
}

}  // namespace pl
