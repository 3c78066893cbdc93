// SPDX-License-Identifier: BSD-2-Clause
// Standard input, output and error: every byte, in order, and what happens when one end goes first.
#include <criterion/criterion.h>

#include <random>

#include "command.h"

using e2e::shell;

Test(stdio, a_hundred_megabytes_pass_through_unchanged, .timeout = 300) {
  e2e::Scratch scratch;
  shell("openssl rand -out " + scratch.path() + "/data 104857600 2>/dev/null || head -c 104857600 /dev/urandom > " + scratch.path() + "/data");
  auto result = shell("./pl-run --shadow " + e2e::program("cat") + " < " + scratch.path() + "/data | cmp - " + scratch.path() + "/data", {.seconds = 280});
  cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
}

Test(stdio, every_byte_value_passes) {
  std::string all;
  for (int round = 0; round < 40; ++round)
    for (int byte = 0; byte < 256; ++byte) all += char((byte * 7 + round) & 255);
  auto result = shell("./pl-run --shadow " + e2e::program("cat"), {.input = all});
  cr_expect(result.out == all, "%zu bytes of %zu came back", result.out.size(), all.size());
}

Test(stdio, output_and_error_stay_apart) {
  auto result = shell("./pl-run --shadow " + e2e::program("two-streams"));
  cr_expect_str_eq(result.out.c_str(), "to output\n");
  EXPECT_TEXT(e2e::without_pool(result.err), "to error\n");
}

Test(stdio, a_reader_that_goes_ends_the_writer_with_sigpipe) {
  auto result = shell("{ ./pl-run --shadow " + e2e::program("yes") + "; echo status $? >&2; } | head -n 3");
  cr_expect_str_eq(result.out.c_str(), "y\ny\ny\n");
  cr_expect(result.err.find("status 141") != std::string::npos, "%s", result.err.c_str());
}

Test(stdio, a_program_that_does_not_read_leaves_the_rest_to_the_next) {
  auto result = shell("{ ./pl-run --shadow " + e2e::program("exit-with") + " 0; cat; } < " + std::string(PL_TOP) + "/LICENSE | cmp - LICENSE");
  cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
}

Test(stdio, the_end_of_input_is_seen) {
  auto result = shell("./pl-run --shadow " + e2e::program("cat") + " < /dev/null");
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  cr_expect_str_empty(result.out.c_str());
}

Test(stdio, lines_come_as_they_are_written) {
  e2e::Background session("./pl-run --shadow " + e2e::program("cat"));
  session.type("first\n");
  cr_expect(session.wait_for("first\n"));
  session.type("second\n");
  cr_expect(session.wait_for("second\n"));
}

Test(stdio, a_terminal_of_the_host_raises_a_signal_when_something_is_typed) {
  auto result = shell("for i in $(seq 100); do echo typed; sleep 1; done 2>/dev/null | script -qec './pl-run --shadow " + e2e::program("terminal") + " await' /dev/null");
  cr_expect(result.out.find("told of 6 bytes") != std::string::npos, "%s%s", result.out.c_str(), result.err.c_str());
}

Test(stdio, a_terminal_is_a_terminal_with_its_size) {
  auto result = shell("script -qec 'stty rows 33 cols 99; ./pl-run --shadow " + e2e::program("terminal") + "' /dev/null < /dev/null");
  cr_expect(result.out.find("terminal 33x99") != std::string::npos, "%s%s", result.out.c_str(), result.err.c_str());
  auto pipe = shell("./pl-run --shadow " + e2e::program("terminal") + " | cat");
  cr_expect(pipe.out.find("not a terminal") != std::string::npos, "%s%s", pipe.out.c_str(), pipe.err.c_str());
}
