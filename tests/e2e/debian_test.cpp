// SPDX-License-Identifier: BSD-2-Clause
// Debian, unmodified: each job is a script that the machine's own Linux runs, and an enclave, cold and as a fork of a shadow.
#include <criterion/criterion.h>

#include <future>

#include "command.h"

using e2e::shell;

static const std::string Image = PL_TOP "/build/tests/debian.img";
static const std::string Jobs = PL_TOP "/tests/e2e/jobs";
static const std::string InEnclave = "--rootfs " + Image + " -v " + Jobs + ":/jobs:ro ";
static const std::string OnLinux = "build/bin/pl-machine run -- sh /host" PL_TOP "/tests/e2e/native.sh /host" PL_TOP "/build/tests/debian.tar /host" + Jobs + " ";

// On Linux, in a cold enclave and in a fork: at once, as they share nothing but the machine.
static void same_as_on_linux(const std::string& job, int status = 0) {
  const std::string run = "bash /jobs/run.sh " + job;
  const auto begin = [](const std::string& command) { return std::async(std::launch::async, [command] { return shell(command, {.seconds = 900}); }); };
  auto on_linux = begin(OnLinux + run);
  std::pair<const char*, std::future<e2e::Result>> enclaves[] = {{"cold", begin("./pl-run " + InEnclave + run)}, {"fork", begin("./pl-run --shadow " + InEnclave + run)}};
  const auto native = on_linux.get();
  cr_expect_eq(native.status, status, "%s: %d %s%s", job.c_str(), native.status, native.out.c_str(), native.err.c_str());
  for (auto& [how, running] : enclaves) {
    const auto result = running.get();
    cr_expect_eq(result.status, status, "%s, %s: %d %s", job.c_str(), how, result.status, result.err.c_str());
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

// Position independent, stripped, and of a root image: its main is where libc's start is told.
Test(debian, a_shadow_at_main_is_found_in_programs_without_symbols, .timeout = 600) {
  const std::string run = "./pl-run --shadow --shadow-at=main --memory 32M " + InEnclave;
  for (const char* own : {"a", "b"}) {
    auto bash = shell(run + "bash -c 'head -n 2 /proc/shadow; echo $0 $1' x " + own);
    EXPECT_TEXT(bash.out, std::string("fork 1\npoint main\nx ") + own + "\n");
    auto perl = shell(run + "perl -e 'open F, \"/proc/shadow\"; print scalar <F>, scalar <F>, \"@ARGV\\n\"' y " + own);
    EXPECT_TEXT(perl.out, std::string("fork 1\npoint main\ny ") + own + "\n");
  }
}

Test(debian, python_freezes_where_it_reads_dev_shadow_with_its_modules_loaded, .timeout = 600) {
  const std::string program = "import json, re, sqlite3\nat = open(\"/dev/shadow\").read().split(\"\\n\")[:3]\n"
                              "print(at, open(\"/proc/self/cmdline\").read().split(\"\\0\")[3:-1], re.findall(\"[0-9]+\", json.dumps([1, 22])))";
  const std::string run = "./pl-run --shadow --shadow-at=call --shadow-args 2 --memory 64M " + InEnclave + "python3 -c '" + program + "' ";
  for (const char* own : {"a", "b"}) {
    auto result = shell(run + own);
    EXPECT_TEXT(result.out, std::string("['frozen 1', 'fork 1', 'point call'] ['") + own + "'] ['1', '22']\n");
  }
}

// ---- SQLite on a directory of the host ----

static std::string in_data(const e2e::Scratch& scratch, const std::string& command) {
  return PL_TOP "/build/bin/pl-run --shadow " + InEnclave + "-v " + scratch.path() + ":/data " + command;
}

Test(debian, a_database_on_the_host_survives_kill_9_in_the_middle_of_a_transaction, .timeout = 1200) {
  e2e::Scratch scratch;
  const std::string out = scratch.path() + "/out", err = scratch.path() + "/err"; // apart: pl-run has its own to say, of the pool
  // All of the instance's time goes into transactions; it is killed in its fifth or a later one.
  auto killed = shell(in_data(scratch, "bash /jobs/transactions.sh") + " >" + out + " 2>" + err + " & pid=$!\n" +
                      "until [ $(wc -l <" + out + ") -ge 4 ]; do kill -0 $pid || exit 1; sleep 0.1; done; kill -9 $pid; wait $pid; echo $?", {.seconds = 300});
  cr_assert_eq(killed.out, "137\n", "%s%s%s", killed.out.c_str(), killed.err.c_str(), shell("cat " + out + " " + err).out.c_str());
  auto left = shell(in_data(scratch, "sqlite3 -cmd '.timeout 60000' /data/db 'pragma integrity_check; select max(batch), count(*) - 400 * max(batch), min(row), max(row) from t'"), {.seconds = 300});
  const std::string committed = shell("tail -n 1 " + out).out;
  // What was acknowledged is there, and of what was not all or nothing: it may have been committed without a chance to say so.
  const int last = std::stoi(committed);
  const auto is = [&](int batches) { return left.out == "ok\n" + std::to_string(batches) + "|0|1|400\n"; };
  cr_expect(is(last) || is(last + 1), "%s committed, left: %s%s", committed.c_str(), left.out.c_str(), left.err.c_str());
}

Test(debian, two_instances_write_one_database_of_the_host_at_once, .timeout = 1200) {
  e2e::Scratch scratch;
  const std::string rows = "for i in $(seq 40); do echo \"insert into t values($1, $i);\"; done | sqlite3 -bail -cmd '.timeout 120000' /data/db";
  const std::string run = in_data(scratch, "bash /data/rows.sh");
  scratch.write("rows.sh", rows);
  auto made = shell(in_data(scratch, "sqlite3 /data/db 'create table t(who, i)'"), {.seconds = 300});
  cr_assert_eq(made.status, 0, "%s", made.err.c_str());
  auto both = shell(run + " 1 & " + run + " 2; a=$?; wait $!; echo $a $?", {.seconds = 600});
  EXPECT_TEXT(both.out, "0 0\n");
  auto left = shell(in_data(scratch, "sqlite3 /data/db 'pragma integrity_check; select who, count(*), sum(i) from t group by who'"), {.seconds = 300});
  EXPECT_TEXT(left.out, "ok\n1|40|820\n2|40|820\n");
}

Test(debian, a_lock_of_one_instance_is_in_the_way_of_another, .timeout = 1200) {
  e2e::Scratch scratch;
  scratch.write("file", "");
  // Each kind: held by one instance until it is told to end, asked for by another, waited for by a third.
  const std::string job =
      "import fcntl, sys\n"
      "kind, what = sys.argv[1:]\n"
      "lock = fcntl.flock if kind == 'flock' else fcntl.lockf\n"
      "f = open('/data/file', 'r+')\n"
      "if what == 'hold': lock(f, fcntl.LOCK_EX); open('/data/held', 'w').close(); sys.stdin.read(); f.close(); print('held')\n"
      "elif what == 'wait': open('/data/waits', 'w').close(); lock(f, fcntl.LOCK_EX); print('had')\n"
      "else:\n"
      "  try: lock(f, fcntl.LOCK_SH | fcntl.LOCK_NB); print('free')\n"
      "  except BlockingIOError: print('busy')\n";
  scratch.write("lock.py", job);
  for (const std::string kind : {"flock", "lockf"}) {
    const std::string run = in_data(scratch, "python3 /data/lock.py " + kind + " ");
    auto result = shell("cd " + scratch.path() + " && rm -f held waits go && mkfifo go\n" + run + "hold <go >end & exec 3>go\n" +
                            "until [ -e held ]; do sleep 0.1; done; " + run + "ask\n" + run + "wait 3>&- & waiter=$!\n" +
                            "until [ -e waits ]; do sleep 0.1; done; sleep 0.3; kill -0 $waiter && echo waits\nexec 3>&-; wait; cat end; " + run + "ask",
                        {.seconds = 600});
    EXPECT_TEXT(result.out, "busy\nwaits\nhad\nheld\nfree\n");
  }
}

Test(debian, an_image_says_what_it_is, .timeout = 100) {
  const std::string tool = PL_TOP "/build/bin/pl-image ";
  auto result = shell(tool + "inspect --json " + Image + " | python3 -c 'import json,sys; j=json.load(sys.stdin); print(len(j[\"root_hash\"]), j[\"hash\"])'");
  EXPECT_TEXT(result.out, "64 sha256\n");
  cr_expect_eq(shell(tool + "inspect " + Image + " | head -1 | cut -c1-9").out, "root hash\n");
  cr_expect_eq(shell(tool + "verify " + Image, {.seconds = 100}).status, 0);
}
