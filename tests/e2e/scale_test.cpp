// SPDX-License-Identifier: BSD-2-Clause
// Many instances: at once, one after another, and until there is no room for more.
#include <criterion/criterion.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "command.h"

using e2e::shell;

Test(scale, ten_thousand_instances_wait_at_once_on_one_thread_and_each_answers_for_itself, .timeout = 900) {
  e2e::Scratch scratch;
  // Each has read a nonce and answered; then they are finished in a random order. pl-bench fails if an answer is not the right one, or
  // if a byte of the pool does not come back.
  auto result = shell("build/bin/pl-bench --time --json " + scratch.path() + "/time.json", {.seconds = 880});
  cr_assert_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
  std::map<std::string, nlohmann::json> rows;
  for (auto& row : nlohmann::json::parse(std::ifstream(scratch.path() + "/time.json"))) rows[row["name"]] = row;
  cr_expect_eq(rows["instances_alive"]["enclave"], 10000, "%s", rows["instances_alive"].dump().c_str());
  cr_expect_leq(rows["instances_alive_threads"]["enclave"].get<double>(), 64);
  // By the clock, and so only roughly: instructions are what e2e-bench looks at.
  cr_expect_lt(rows["spawn_1000"]["ratio"].get<double>(), 1, "%s", rows["spawn_1000"].dump().c_str());
}
