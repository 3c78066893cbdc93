// SPDX-License-Identifier: BSD-2-Clause
// pl-bench: every figure is there, and the promises that are counted in instructions hold.
#include <criterion/criterion.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "command.h"

using e2e::shell;

Test(bench, every_figure_is_measured_and_the_promises_hold, .timeout = 900) {
  e2e::Scratch scratch;
  auto result = shell("build/bin/pl-bench --json " + scratch.path() + "/bench.json", {.seconds = 880});
  cr_assert_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
  nlohmann::json rows = nlohmann::json::parse(std::ifstream(scratch.path() + "/bench.json"));
  cr_assert(rows.is_array());
  std::map<std::string, nlohmann::json> by_name;
  for (auto& row : rows) {
    for (const char* field : {"name", "unit", "enclave", "linux", "ratio"}) cr_expect(row.contains(field), "%s", row.dump().c_str());
    by_name[row["name"]] = row;
    if (row["enclave"].is_number() && row["linux"].is_number() && row["linux"].get<double>() > 0)
      cr_expect(row["ratio"].is_number(), "%s", row.dump().c_str());
  }
  for (const char* name : {"shadow_first_instruction", "shadow_run_musl", "shadow_run_glibc", "cold_run_glibc", "template_create_glibc",
                           "private_bytes_musl", "private_bytes_glibc", "getppid", "clock_gettime", "pipe_pingpong", "page_fault",
                           "fork_exit_wait", "null_ocall", "hash_byte", "spawn_1000", "instances_alive", "monitor_forks"}) {
    cr_expect(by_name.count(name) == 1, "%s is missing", name);
    cr_expect(by_name[name]["enclave"].is_number() && by_name[name]["enclave"].get<double>() > 0, "%s: %s", name, by_name[name].dump().c_str());
  }
  struct Promise { const char* name; double at_most; };
  for (auto [name, at_most] : {Promise{"shadow_run_glibc", 300000}, Promise{"cold_run_glibc", 40000000}, Promise{"getppid", 188}, Promise{"null_ocall", 3200}})
    cr_expect_leq(by_name[name]["enclave"].get<double>(), at_most, "%s: %s", name, by_name[name].dump().c_str());
  cr_expect_eq(by_name["instances_alive"]["enclave"], 10000);
  cr_expect_leq(by_name["instances_alive_threads"]["enclave"].get<double>(), 64);
  // The monitor counted exactly the forks that were asked for: none was made in advance.
  cr_expect_eq(by_name["monitor_forks"]["enclave"], by_name["monitor_forks"]["linux"], "%s", by_name["monitor_forks"].dump().c_str());
}

Test(bench, explain_names_every_private_page, .timeout = 900) {
  auto result = shell("build/bin/pl-bench --explain", {.seconds = 880});
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  cr_expect(result.out.find("private page") != std::string::npos, "%s", result.out.c_str());
  cr_expect(result.out.find("unknown") == std::string::npos, "%s", result.out.c_str());
}
