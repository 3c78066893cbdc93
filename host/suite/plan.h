// SPDX-License-Identifier: BSD-2-Clause
// What the command and the part of it in the machine tell each other: the plan, on standard input, and an outcome a line.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace pl::suite {

struct Plan {
  bool native = false;
  std::string root;                      // an image, or for Linux a directory; a path of the caller
  std::vector<std::string> tests;        // paths inside
  size_t together = 0;                   // of these, the first; each of the others runs when no other does
  std::vector<std::string> environment;  // NAME=value
  std::string directory;                 // empty: each test's own
  uint32_t user = 0, group = 0;
  uint32_t jobs = 1;
  uint64_t memory = 0;  // bytes; 0: no limit
  uint64_t timeout_milliseconds = 0;
};

struct Outcome {
  size_t test = 0;  // its place in the plan
  int status = 0;   // of its exit, if no signal ended it
  int signal = 0;
  bool timed_out = false;
  double seconds = 0;
  std::string output;   // what it wrote on both streams
  std::string message;  // of ours, if it never came to a verdict of its own
};

std::string to_text(const Plan& plan);
std::expected<Plan, std::string> plan_from(std::string_view text);
std::string to_line(const Outcome& outcome);
std::expected<Outcome, std::string> outcome_from(std::string_view line);

// Whether test number `next` may start beside so many that run.
bool may_start(const Plan& plan, size_t next, size_t running);

// The directory of a test, where it starts unless the plan says otherwise.
std::string directory_of(const Plan& plan, const std::string& test);

}  // namespace pl::suite
