// SPDX-License-Identifier: BSD-2-Clause
// The library OS, built so that it ends with a panic where a lock is taken out of order or held across a sleep or a copy of the program's
// memory (libos/base/lock.h), runs the programs that check Linux: what several harts will rely on is so on all of their ways.
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "command.h"

using e2e::shell;

struct Case { char name[16]; };

static std::string checked(const std::string& arguments) {
  return "build/bin/pl-machine run -- env PENGLAI_LIBOS=/host" PL_TOP "/build/riscv-bare/libos/libos-checked.bin pl-run " + arguments;
}

ParameterizedTestParameters(locks, are_taken_in_order_and_never_held_for_long) {
  static Case cases[] = {{"processes"}, {"signals"}, {"threads"}, {"timers"}, {"terminals"}, {"unix-sockets"}, {"inet-sockets"}, {"descriptors"}, {"ipc"},
                         {"launch"}, {"limits"}, {"handlers"}, {"names"}, {"waiting"}, {"proc"}, {"transfers"}, {"futexes"}, {"capabilities"}, {"credentials"}, {"priorities"}, {"urgent"}, {"kinds"}};
  return cr_make_param_array(Case, cases, sizeof(cases) / sizeof(*cases));
}

ParameterizedTest(Case* c, locks, are_taken_in_order_and_never_held_for_long, .timeout = 300) {
  auto result = shell(checked("--shadow " + e2e::program(c->name)), {.seconds = 200});
  cr_expect_eq(result.status, 0, "%s: %s%s", c->name, result.out.c_str(), result.err.c_str());
}

// Across the border to the host, too, where calls wait for its answers.
Test(locks, are_not_held_while_the_host_is_asked, .timeout = 300) {
  e2e::Scratch scratch;
  auto result = shell(checked("-v " + scratch.path() + ":/data " + e2e::program("names") + " /data bound"), {.seconds = 200});
  cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
}
