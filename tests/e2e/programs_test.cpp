// SPDX-License-Identifier: BSD-2-Clause
// Programs that check one part of Linux each and say what differs: in an enclave, in a fork of a template, and in the machine's Linux itself.
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "command.h"

using e2e::shell;

struct Case { char name[16]; };

ParameterizedTestParameters(programs, nothing_differs_from_linux) {
  static Case cases[] = {{"processes"}, {"signals"}, {"threads"}, {"timers"}, {"set-clock"}, {"terminals"}, {"unix-sockets"}, {"inet-sockets"}, {"descriptors"}, {"ipc"},
                         {"launch"}, {"limits"}, {"handlers"}, {"contents"}, {"names"}, {"waiting"}, {"proc"}, {"transfers"}, {"futexes"}, {"capabilities"}, {"credentials"}, {"priorities"}, {"urgent"}, {"hashes"}, {"kinds"}};
  return cr_make_param_array(Case, cases, sizeof(cases) / sizeof(*cases));
}

ParameterizedTest(Case* c, programs, nothing_differs_from_linux, .timeout = 600) {
  std::string path = e2e::program(c->name);
  for (std::string command : {"./pl-run " + path, "./pl-run --shadow " + path, "./pl-run --shadow " + path, "build/bin/pl-machine run -- /host" + path}) {
    auto result = shell(command, {.seconds = 120});
    cr_expect_eq(result.status, 0, "%s: %s%s", command.c_str(), result.out.c_str(), result.err.c_str());
  }
}

// What cannot be honest there is refused; the programs know by what.
Test(programs, on_a_bound_directory_files_are_as_linux_has_them_or_refused, .timeout = 300) {
  for (std::string how : {"./pl-run", "./pl-run --shadow"})
    for (const char* name : {"contents", "names"}) {
      e2e::Scratch scratch;
      auto result = shell(how + " -v " + scratch.path() + ":/data " + e2e::program(name) + " /data bound");
      cr_expect_eq(result.status, 0, "%s %s: %s%s", how.c_str(), name, result.out.c_str(), result.err.c_str());
    }
}

// libos/syscall/accepted.def, from which the list of supported calls is made, says what the calls do.
Test(programs, what_the_list_of_calls_does_not_take_is_refused_and_an_unknown_call_is_named_once, .timeout = 120) {
  for (const char* how : {"./pl-run ", "./pl-run --shadow "}) {
    auto result = shell(how + e2e::program("accepted"));
    cr_expect_eq(result.status, 0, "%s", result.out.c_str());
    const std::string line = "system call 0 is not supported: ENOSYS";  // io_setup: asked for twice
    const size_t first = result.err.find(line);
    cr_expect(first != std::string::npos && result.err.find(line, first + 1) == std::string::npos, "%s", result.err.substr(0, 500).c_str());
  }
}
