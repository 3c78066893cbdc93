// SPDX-License-Identifier: BSD-2-Clause
// Programs that check one part of Linux each and say what differs: in an enclave, in a fork of a template, and in the machine's Linux itself.
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "command.h"

using e2e::shell;

struct Case { char name[16]; };

ParameterizedTestParameters(programs, nothing_differs_from_linux) {
  static Case cases[] = {{"processes"}, {"signals"}, {"threads"}, {"timers"}, {"set-clock"}, {"terminals"}, {"unix-sockets"}, {"inet-sockets"}, {"descriptors"}, {"ipc"}};
  return cr_make_param_array(Case, cases, sizeof(cases) / sizeof(*cases));
}

ParameterizedTest(Case* c, programs, nothing_differs_from_linux, .timeout = 600) {
  std::string path = e2e::program(c->name);
  for (std::string command : {"./pl-run " + path, "./pl-run --shadow " + path, "./pl-run --shadow " + path, "build/bin/pl-machine run -- /host" + path}) {
    auto result = shell(command, {.seconds = 120});
    cr_expect_eq(result.status, 0, "%s: %s%s", command.c_str(), result.out.c_str(), result.err.c_str());
  }
}
