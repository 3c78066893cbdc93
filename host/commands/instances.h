// SPDX-License-Identifier: BSD-2-Clause
// pl-ps and its sisters, one function each: exit statuses.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "commands/lines.h"
#include "registry/query.h"

namespace pl {

nlohmann::json to_json(const InstanceRow& row);

// Exit status when a command could not do what it was asked.
inline constexpr int kCommandFailed = 1;

int show_instances(const CommandLine& line);
int show_top(const CommandLine& line);
int show_logs(const CommandLine& line);
int send_signal(const CommandLine& line);
int wait_for_end(const CommandLine& line);
int remove_instances(const CommandLine& line);

int complain(std::string_view command, std::string_view text);

}  // namespace pl
