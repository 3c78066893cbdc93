// SPDX-License-Identifier: BSD-2-Clause
// Debian, unmodified: each job is a script that the machine's own Linux runs first, and then an enclave, cold and as a fork of a shadow.
#include <criterion/criterion.h>

#include "command.h"

using e2e::shell;

static const std::string Image = PL_TOP "/build/tests/debian.img";
static const std::string Jobs = PL_TOP "/tests/e2e/jobs";
static const std::string InEnclave = "--rootfs " + Image + " -v " + Jobs + ":/jobs:ro ";
static const std::string OnLinux = "build/bin/pl-machine run -- sh /host" PL_TOP "/tests/e2e/native.sh /host" PL_TOP "/build/tests/debian.tar /host" + Jobs + " ";

static void same_as_on_linux(const std::string& job, int status = 0, const std::string& options = "") {
  const std::string run = "bash /jobs/run.sh " + job;
  const auto native = shell(OnLinux + run, {.seconds = 600});
  cr_assert_eq(native.status, status, "%s: %d %s%s", job.c_str(), native.status, native.out.c_str(), native.err.c_str());
  for (const char* how : {"", "--shadow "}) {
    const auto result = shell(std::string("./pl-run ") + how + options + InEnclave + run, {.seconds = 600});
    cr_expect_eq(result.status, status, "%s%s: %d %s", how, job.c_str(), result.status, result.err.c_str());
    EXPECT_TEXT(result.out, native.out);
  }
}

Test(debian, bash_coreutils_perl_and_python_do_what_they_do_on_linux, .timeout = 1200) { same_as_on_linux("basics", 3); }
Test(debian, find_sed_awk_grep_archives_and_lua_do_what_they_do_on_linux, .timeout = 1200) { same_as_on_linux("text"); }
Test(debian, traps_pipelines_substitutions_and_jobs_of_bash_do_what_they_do_on_linux, .timeout = 1200) { same_as_on_linux("shell", 6); }
Test(debian, an_interactive_bash_controls_its_jobs_from_a_terminal, .timeout = 1200) { same_as_on_linux("terminal"); }
Test(debian, python_has_threads_processes_databases_and_a_thousand_files, .timeout = 1200) { same_as_on_linux("python"); }
Test(debian, sqlite_answers_as_on_linux_in_every_journal_mode, .timeout = 1200) { same_as_on_linux("sqlite"); }
Test(debian, git_has_the_same_history_after_gc_and_clone, .timeout = 1200) { same_as_on_linux("git"); }
Test(debian, openssl_signs_verifies_and_measures_itself, .timeout = 1200) { same_as_on_linux("openssl"); }
Test(debian, gcc_and_make_build_the_same_bytes_and_what_they_built_runs, .timeout = 1200) { same_as_on_linux("compiler"); }

Test(debian, an_image_says_what_it_is, .timeout = 100) {
  const std::string tool = PL_TOP "/build/bin/pl-image ";
  auto result = shell(tool + "inspect --json " + Image + " | python3 -c 'import json,sys; j=json.load(sys.stdin); print(len(j[\"root_hash\"]), j[\"hash\"])'");
  EXPECT_TEXT(result.out, "64 sha256\n");
  cr_expect_eq(shell(tool + "inspect " + Image + " | head -1 | cut -c1-9").out, "root hash\n");
  cr_expect_eq(shell(tool + "verify " + Image, {.seconds = 100}).status, 0);
}
