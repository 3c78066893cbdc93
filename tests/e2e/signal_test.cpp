// SPDX-License-Identifier: BSD-2-Clause
// What a terminal may ask for reaches the program; a killed pl-run leaves nothing behind.
#include <criterion/criterion.h>
#include <signal.h>

#include <cstdlib>

#include "command.h"

using e2e::shell;

Test(signals, interrupt_and_terminate_end_a_program) {
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    e2e::Background session("./pl-run --shadow " + e2e::program("wait-for-signal"));
    cr_assert(session.wait_for("waiting"));
    session.signal(number);
    cr_expect_eq(session.wait(), 128 + number);
  }
}

Test(signals, a_handler_runs) {
  for (const char* how : {"", "--shadow "}) {
    e2e::Background session(std::string("./pl-run ") + how + e2e::program("wait-for-signal") + " handle");
    cr_assert(session.wait_for("waiting"));
    session.signal(SIGTERM);
    cr_expect_eq(session.wait(), 3, "%s", session.out().c_str());
    cr_expect(session.out().find("caught 15") != std::string::npos, "%s", session.out().c_str());
  }
}

Test(signals, a_program_that_only_computes_is_interrupted_too) {
  e2e::Background session("./pl-run --shadow " + e2e::program("wait-for-signal") + " spin");
  cr_assert(session.wait_for("waiting"));
  session.signal(SIGINT);
  cr_expect_eq(session.wait(), 130);
}

Test(signals, killing_pl_run_ends_the_enclave) {
  e2e::OwnMachine machine;
  auto enclaves = [] { return shell("build/bin/pl-machine status --json | sed -n 's/.*\"enclaves\": *\\([0-9]*\\).*/\\1/p'").out; };
  {  // makes the template, so that only instances come and go below
    e2e::Background first("./pl-run --shadow " + e2e::program("wait-for-signal"));
    cr_assert(first.wait_for("waiting"));
    first.signal(SIGTERM);
    cr_expect_eq(first.wait(), 128 + SIGTERM);
  }
  std::string before = enclaves();
  {
    e2e::Background session("./pl-run --shadow " + e2e::program("wait-for-signal"));
    cr_assert(session.wait_for("waiting"));
    cr_expect(std::atoi(enclaves().c_str()) == std::atoi(before.c_str()) + 1, "%s then %s", before.c_str(), enclaves().c_str());
    session.signal(SIGKILL);
    cr_expect_eq(session.wait(), 137);
  }
  cr_expect(e2e::wait_until([&] { return enclaves() == before; }), "%s then %s", before.c_str(), enclaves().c_str());
}
