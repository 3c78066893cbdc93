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
  // By the clock, taking turns with Linux's processes; by instructions it is e2e-bench that looks.
  cr_expect_leq(rows["spawn_1000"]["ratio"].get<double>(), 0.5, "%s", rows["spawn_1000"].dump().c_str());
}

Test(scale, an_instance_that_the_pool_has_no_room_for_ends_alone_and_says_why, .timeout = 300) {
  e2e::Scratch scratch;
  const std::string machine = "PENGLAI_RUNTIME_DIR=" + scratch.path() + " PENGLAI_MEMORY=512M PENGLAI_POOL=64M ";
  const std::string hold = machine + "./pl-run --shadow " + e2e::program("hold");
  cr_assert_eq(shell(hold + " 1").status, 0);
  {
    e2e::Background first("env " + hold + " 12"), second("env " + hold + " 12");
    cr_assert(first.wait_for("held") && second.wait_for("held"));
    auto third = shell(hold + " 40");
    cr_expect_eq(third.status, 137, "%d %s", third.status, third.err.c_str());
    cr_expect(third.err.find("memory") != std::string::npos || third.err.find("pool") != std::string::npos, "%s", third.err.c_str());
    cr_expect(third.out.empty());
    // The others never noticed, and there is room for one that asks for less.
    cr_expect_eq(shell(hold + " 1").status, 0);
    first.close_input();
    second.close_input();
    cr_expect_eq(first.wait(), 0);
    cr_expect_eq(second.wait(), 0);
  }
  cr_expect_eq(shell(hold + " 40").status, 0, "what they held is free again");
  cr_expect_eq(shell(machine + "build/bin/pl-machine stop").status, 0);
}
