// SPDX-License-Identifier: BSD-2-Clause
// The command line of pl-suite.
#pragma once

#include <set>

#include "run/options.h"

namespace pl::suite {

struct SuiteOptions {
  std::string directory;
  std::vector<std::string> filters, excluded;  // globs
  uint32_t shard = 0, shards = 1;              // of the tests that are left, each shards-th from the shard-th on
  std::set<int> passing = {0}, skipping = {77};  // exit statuses; all others are failures
  bool native = false, list = false;
  std::string working_directory;  // inside; empty: each test's own
  std::string expectations, junit, json;
  uint32_t jobs = 0;  // 0: as many as suit the machine
  // How each is run: user, variables, memory, time, --rootfs, --sysroot.
  RunOptions run;
};

std::expected<SuiteOptions, OptionsStop> parse_suite_options(int argc, const char* const* argv);

}  // namespace pl::suite
