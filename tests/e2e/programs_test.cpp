// SPDX-License-Identifier: BSD-2-Clause
// Programs that check one part of Linux each and say what differs: in an enclave, in a fork of a template, and in the machine's Linux itself.
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <iterator>

#include "command.h"

using e2e::shell;

struct Program { char name[16]; };

static void expect_no_difference(const Program& program) {
  const std::string path = e2e::program(program.name);
  for (const std::string& command : {"./pl-run " + path, "./pl-run --shadow " + path, "./pl-run --shadow " + path, "build/bin/pl-machine run -- /host" + path}) {
    auto result = shell(command, {.seconds = 120});
    cr_expect_eq(result.status, 0, "%s: %s%s", command.c_str(), result.out.c_str(), result.err.c_str());
  }
}

// What they check is one thread's: the number of harts is nothing to it.
ParameterizedTestParameters(programs, nothing_differs_from_linux) {
  static Program all[] = {{"contents"}, {"names"}, {"descriptors"}, {"limits"}, {"capabilities"}, {"credentials"}, {"hashes"}, {"kinds"}};
  return cr_make_param_array(Program, all, std::size(all));
}
ParameterizedTest(Program* program, programs, nothing_differs_from_linux, .timeout = 600) { expect_no_difference(*program); }

Test(programs, nothing_differs_from_linux_when_the_clock_is_set, .timeout = 600) {
  e2e::OwnMachine machine;  // its clock is set too, and whatever else runs there would see it
  expect_no_difference({"set-clock"});
}

// Threads and processes that wait for one another.
ParameterizedTestParameters(concurrent, nothing_differs_from_linux) {
  static Program all[] = {{"processes"}, {"signals"}, {"threads"}, {"timers"}, {"terminals"}, {"unix-sockets"}, {"inet-sockets"}, {"ipc"},
                          {"launch"}, {"handlers"}, {"waiting"}, {"proc"}, {"transfers"}, {"futexes"}, {"priorities"}, {"urgent"}};
  return cr_make_param_array(Program, all, std::size(all));
}
ParameterizedTest(Program* program, concurrent, nothing_differs_from_linux, .timeout = 600) { expect_no_difference(*program); }

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
