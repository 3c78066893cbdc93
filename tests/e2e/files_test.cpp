// SPDX-License-Identifier: BSD-2-Clause
// File calls answer as on Linux: tests/programs/file-calls.expected is what Linux 6.1 said in the same machine.
#include <criterion/criterion.h>

#include "command.h"

using e2e::shell;

Test(files, three_hundred_file_calls_answer_as_linux_does, .timeout = 300) {
  auto result = shell("./pl-run --shadow " + e2e::program("file-calls") + " /tmp | diff tests/programs/file-calls.expected -", {.seconds = 250});
  cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
}
