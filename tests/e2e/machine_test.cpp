// SPDX-License-Identifier: BSD-2-Clause
// The embedded machine: started when needed, shared, replaced when it has died.
#include <criterion/criterion.h>

#include "command.h"

using e2e::shell;

Test(machine, several_runs_share_one) {
  shell("./pl-run --shadow hello");
  auto result = shell("for i in 1 2 3 4; do ./pl-run --shadow " + e2e::program("exit-with") + " 0 & done; wait; build/bin/pl-machine status --json");
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  cr_expect(result.out.find("\"running\"") != std::string::npos, "%s", result.out.c_str());
}

Test(machine, stop_and_start_are_commands) {
  cr_expect_eq(shell("build/bin/pl-machine stop").status, 0);
  auto stopped = shell("build/bin/pl-machine status");
  cr_expect_neq(stopped.status, 0, "%s", stopped.out.c_str());
  auto started = shell("build/bin/pl-machine start");
  cr_expect_eq(started.status, 0, "%s", started.err.c_str());
  cr_expect_eq(shell("build/bin/pl-machine status").status, 0);
  cr_expect(shell("build/bin/pl-machine log").out.size() > 0);
}

Test(machine, a_crash_is_a_clear_error_and_the_next_run_starts_a_new_one, .timeout = 120) {
  shell("./pl-run --shadow hello");
  e2e::Background session("./pl-run --shadow " + e2e::program("wait-for-signal") + " 2>&1");
  cr_assert(session.wait_for("waiting"));
  shell("kill -9 $(build/bin/pl-machine status --json | sed -n 's/.*\"qemu_pid\": *\\([0-9]*\\).*/\\1/p')");
  cr_expect_eq(session.wait(), 125, "%s", session.out().c_str());
  cr_expect(session.out().find("log") != std::string::npos, "%s", session.out().c_str());
  auto next = shell("./pl-run --shadow hello");
  cr_expect_eq(next.status, 0, "%s", next.err.c_str());
}

Test(machine, memory_and_pool_and_up_to_eight_harts_are_settings, .timeout = 120) {
  const std::string settings = "PENGLAI_HARTS=8 PENGLAI_MEMORY=1G PENGLAI_POOL=256M ";
  shell("build/bin/pl-machine stop");
  auto result = shell(settings + "./pl-run --shadow hello");
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  auto status = shell(settings + "build/bin/pl-machine status --json");
  cr_expect(status.out.find("\"pool_size\": 268435456") != std::string::npos, "%s", status.out.c_str());
  EXPECT_TEXT(shell(settings + "build/bin/pl-machine run -- nproc").out, "8\n");
  auto wrong = shell("PENGLAI_HARTS=9 ./pl-run --shadow hello");
  cr_expect_eq(wrong.status, 125, "%s", wrong.err.c_str());
  shell("build/bin/pl-machine stop");
}

Test(machine, a_pool_that_does_not_fit_is_said_to_be_the_reason, .timeout = 120) {
  const std::string settings = "PENGLAI_MEMORY=512M PENGLAI_POOL=256M ";
  shell("build/bin/pl-machine stop");
  auto result = shell(settings + "./pl-run hello");
  cr_expect_eq(result.status, 125);
  cr_expect(result.err.find("no /dev/penglai: `pl-machine log` says why") != std::string::npos, "%s", result.err.c_str());
  auto log = shell(settings + "build/bin/pl-machine log");
  cr_expect(log.out.find("penglai.pool does not fit into free RAM") != std::string::npos, "%s", log.out.c_str());
  shell("build/bin/pl-machine stop");
}

Test(machine, one_hart_and_two_run_the_same, .timeout = 120) {
  for (const char* harts : {"1", "2"}) {
    shell("build/bin/pl-machine stop");
    auto result = shell(std::string("PENGLAI_HARTS=") + harts + " ./pl-run --shadow hello");
    cr_expect_eq(result.status, 0, "%s", result.err.c_str());
    EXPECT_TEXT(shell(std::string("PENGLAI_HARTS=") + harts + " build/bin/pl-machine run -- grep -c processor /proc/cpuinfo").out, std::string(harts) + "\n");
  }
  shell("build/bin/pl-machine stop");
}

Test(machine, what_lives_in_it_is_counted_afresh_before_it_stops_or_makes_room, .timeout = 120) {
  shell("build/bin/pl-machine stop --force; ./pl-run --shadow hello");
  // One that has only just begun is not lost to a run with other settings, which gives way, nor to a stop.
  auto begun = shell("./pl-run --shadow -d --name counted " + e2e::program("wait-for-signal") + " && PENGLAI_POOL=32M ./pl-run --shadow hello && build/bin/pl-machine stop");
  cr_expect_eq(begun.status, 125, "%d %s%s", begun.status, begun.out.c_str(), begun.err.c_str());
  cr_expect(begun.err.find("1 detached instance is still running") != std::string::npos, "%s", begun.err.c_str());
  // One that has only just ended does not hold the machine.
  auto ended = shell("build/bin/pl-kill counted && { build/bin/pl-wait counted; build/bin/pl-machine stop; }");
  cr_expect_eq(ended.status, 0, "%d %s%s", ended.status, ended.out.c_str(), ended.err.c_str());
}
