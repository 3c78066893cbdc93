// SPDX-License-Identifier: BSD-2-Clause
// A user's instances, whichever process serves them: looked at, sent signals, waited for. Errors are lines for the user.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "registry/entry.h"

namespace pl {

struct InstanceRow {
  std::string name;  // NAME, or NAME.INDEX of one of many
  std::string program;
  int process = 0;
  bool detached = false;
  std::string state;  // "running", "waiting", "exited", "killed" (with its server), "busy" (its server does not answer)
  std::optional<int> status;
  uint64_t id = 0, private_bytes = 0, shared_bytes = 0, ocalls = 0;
  double age = 0;  // seconds since its start; of what has ended, since its end
  std::string message;
};

// In order of their names. An error is a line for the user.
enum class Which : uint8_t { Running, All };
std::expected<std::vector<InstanceRow>, std::string> all_instances(Which which);

// NAME or NAME.INDEX
struct InstanceName {
  std::string name;
  std::optional<uint32_t> index;
};
std::optional<InstanceName> parse_instance_name(const std::string& text);

std::expected<void, std::string> signal_instance(const std::string& text, int number);

struct InstanceEnd {
  int status = 0;
  std::string message;
};
// Waits for it. NAME only.
std::expected<InstanceEnd, std::string> await_instance(const std::string& name);

// With `force` one that runs is ended first.
enum class Force : uint8_t { No, Yes };
std::expected<void, std::string> forget_instance(const std::string& name, Force force);

}  // namespace pl
