// SPDX-License-Identifier: BSD-2-Clause
#include "commands/instances.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace pl {
namespace {

using Json = nlohmann::json;

std::string size(uint64_t bytes) { return fmt::format("{}K", (bytes + 1023) / 1024); }

std::string age(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f}s", seconds);
  auto whole = static_cast<uint64_t>(seconds);
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
}

// A program's name comes from a command line: nothing of it may steer a terminal.
std::string printable(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

void print(const std::vector<InstanceRow>& rows) {
  size_t width = 4;
  for (const InstanceRow& row : rows) width = std::max(width, row.name.size());
  fmt::print("{:<{}}  {:<8}  {:>6}  {:>9}  {:>9}  {:>8}  {:>8}  {}\n", "NAME", width, "STATE", "STATUS", "PRIVATE", "SHARED", "TIME", "OCALLS", "PROGRAM");
  for (const InstanceRow& row : rows) {
    const bool runs = !row.status;
    fmt::print("{:<{}}  {:<8}  {:>6}  {:>9}  {:>9}  {:>8}  {:>8}  {}\n", row.name, width, row.state, runs ? "-" : std::to_string(*row.status),
               runs ? size(row.private_bytes) : "-", runs ? size(row.shared_bytes) : "-", runs ? age(row.age) : "-",
               runs ? std::to_string(row.ocalls) : "-", printable(row.program));
  }
}

}  // namespace

int complain(std::string_view command, std::string_view text) {
  fmt::print(stderr, "{}: {}\n", command, text);
  return kCommandFailed;
}

nlohmann::json to_json(const InstanceRow& row) {
  Json json = {{"name", row.name}, {"program", printable(row.program)}, {"process", row.process}, {"detached", row.detached}, {"state", row.state}};
  if (row.status) {
    json["status"] = *row.status;
    json["message"] = printable(row.message);
    json["ended_seconds_ago"] = row.age;
  } else {
    json["id"] = row.id;
    json["private_bytes"] = row.private_bytes;
    json["shared_bytes"] = row.shared_bytes;
    json["ocalls"] = row.ocalls;
    json["seconds"] = row.age;
  }
  return json;
}

int show_instances(const CommandLine& line) {
  auto rows = all_instances(line.all ? Which::All : Which::Running);
  if (!rows) return complain("pl-ps", rows.error());
  if (!line.json) {
    print(*rows);
    return 0;
  }
  Json array = Json::array();
  for (const InstanceRow& row : *rows) array.push_back(to_json(row));
  fmt::print("{}\n", array.dump(2));
  return 0;
}

int show_top(const CommandLine& line) {
  for (;;) {
    auto rows = all_instances(Which::Running);
    if (!rows) return complain("pl-top", rows.error());
    if (line.json) {
      Json object = {{"instances", Json::array()}};
      for (const InstanceRow& row : *rows) object["instances"].push_back(to_json(row));
      fmt::print("{}\n", object.dump());
    } else {
      uint64_t own = 0;
      for (const InstanceRow& row : *rows) own += row.private_bytes;
      // Home, and each line over the last look's: a screen that is cleared would flicker.
      if (!line.once && isatty(STDOUT_FILENO)) fmt::print("\033[H\033[J");
      fmt::print("{} instances, {} private\n", rows->size(), size(own));
      std::ranges::sort(*rows, std::greater<>(), &InstanceRow::private_bytes);
      print(*rows);
    }
    if (std::fflush(stdout) != 0) return kCommandFailed;
    if (line.once) return 0;
    const timespec pause{static_cast<time_t>(line.milliseconds / 1000), static_cast<long>(line.milliseconds % 1000) * 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace pl
