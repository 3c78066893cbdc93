// SPDX-License-Identifier: BSD-2-Clause
// pl-suite, as a user types it, on a small suite of this project's own (tests/suite).
#include <criterion/criterion.h>
#include <signal.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "command.h"

using e2e::shell;
using nlohmann::json;

namespace {

const std::string kSuite = "build/bin/pl-suite ";
const std::string kTests = PL_PROGRAMS "/../suite";
// What of it ends by itself, so that a run takes no longer than it must.
const std::string kQuick = "--exclude hangs ";

e2e::Result run(const std::string& rest) { return shell(kSuite + rest, {.seconds = 200}); }

std::string last_line(const std::string& text) {
  const size_t at = text.rfind('\n', text.size() - 2);
  return at == text.npos ? text : text.substr(at + 1);
}

// Each test's line without its number, and the comments behind it.
std::map<std::string, std::string> results(const std::string& tap) {
  std::map<std::string, std::string> found;
  std::istringstream stream(tap);
  std::string name;
  for (std::string line; std::getline(stream, line);) {
    const size_t dash = line.find(" - ");
    if (dash != line.npos && (line.starts_with("ok ") || line.starts_with("not ok "))) {
      name = line.substr(dash + 3, line.find(" #") - dash - 3);
      const size_t directive = line.find(" # ");
      found[name] = std::string(line.starts_with("ok") ? "ok" : "not ok") + (directive == line.npos ? "" : line.substr(directive));
    } else if (line.starts_with("# ") && !name.empty()) {
      found[name] += "\n" + line;
    }
  }
  return found;
}

const std::map<std::string, std::string> kVerdicts = {
    {"passes", "ok"},
    {"fails", "not ok\n# exit status 3\n# two and two are five\n# which is # wrong"},
    {"skips", "ok # SKIP exit status 77"},
    {"hangs", "not ok\n# not done in 3 s\n# on and on"},
    {"crashes", "not ok\n# ended by SIGSEGV"},
    {"leaves_children", "ok"},
    {"nested/reads_its_data", "ok"},
    {"nested/writes", "ok"},
    {"nested/links_dynamically", "ok"},
};

// The suite at a place that no other test uses, so that its processes on the machine's Linux can be told from others by their names.
class OwnSuite {
 public:
  OwnSuite() { cr_assert_eq(shell("cp -r " + kTests + " " + path()).status, 0); }
  std::string path() const { return scratch_.path() + "/own"; }
  std::string processes() const { return shell("build/bin/pl-machine run -- sh -c 'ps | grep [o]wn/ | grep -c " + scratch_.path() + "'").out; }

 private:
  e2e::Scratch scratch_;
};

void has_its_verdicts(const std::string& options, const std::string& tests = kTests) {
  auto result = run(options + " --timeout 3s " + tests);
  cr_expect_eq(result.status, 1, "%d %s", result.status, result.err.c_str());
  cr_expect(result.out.starts_with("TAP version 14\n1..9\n"), "%s", result.out.c_str());
  EXPECT_TEXT(last_line(result.out), "5 passed, 3 failed, 1 skipped\n");
  auto found = results(result.out.substr(0, result.out.rfind('\n', result.out.size() - 2)));
  cr_expect_eq(found.size(), kVerdicts.size(), "%s", result.out.c_str());
  for (const auto& [name, verdict] : kVerdicts) EXPECT_TEXT(found[name], verdict);
}

void complains(const std::string& rest, int status, const std::string& why) {
  auto result = run(rest);
  cr_expect_eq(result.status, status, "%s: %d %s%s", rest.c_str(), result.status, result.out.c_str(), result.err.c_str());
  cr_expect(result.err.find(why) != std::string::npos, "%s: %s", rest.c_str(), result.err.c_str());
}

}  // namespace

Test(suite, an_exit_status_is_a_verdict_and_a_test_starts_beside_its_data_in_a_directory_of_its_own, .timeout = 300) { has_its_verdicts("-j 4"); }

Test(suite, a_user_writes_in_the_working_directory_too, .timeout = 300) { has_its_verdicts("-j 4 -u 1000:1000"); }

Test(suite, linux_runs_the_same_with_the_same_verdicts, .timeout = 300) {
  OwnSuite suite;
  has_its_verdicts("--native", suite.path());
  has_its_verdicts("--native -u 1000:1000", suite.path());
  EXPECT_TEXT(suite.processes(), "0\n");
}

Test(suite, tests_are_listed_and_chosen_by_names_and_shards, .timeout = 200) {
  EXPECT_TEXT(run("--list " + kTests).out, "crashes\nfails\nhangs\nleaves_children\nnested/links_dynamically\nnested/reads_its_data\nnested/writes\npasses\nskips\n");
  EXPECT_TEXT(run("--list -f 'nested/*' -f 'p*' --exclude '*links*' " + kTests).out, "nested/reads_its_data\nnested/writes\npasses\n");
  EXPECT_TEXT(run("--list --shard 2/4 " + kTests).out, "fails\nnested/reads_its_data\n");
  auto one = run("-f passes " + kTests);
  cr_expect_eq(one.status, 0, "%s", one.err.c_str());
  EXPECT_TEXT(one.out, "TAP version 14\n1..1\nok 1 - passes\n1 passed, 0 failed, 0 skipped\n");
}

Test(suite, what_a_status_means_can_be_said, .timeout = 200) {
  auto result = run("--pass 0,77 --skip 3 -f fails -f skips " + kTests);
  cr_expect_eq(result.status, 0, "%s", result.out.c_str());
  EXPECT_TEXT(last_line(result.out), "1 passed, 0 failed, 1 skipped\n");
}

Test(suite, a_test_that_is_to_run_alone_begins_when_the_others_have_ended, .timeout = 300) {
  e2e::Scratch scratch;
  const std::string expected = scratch.write("expected", "[fail]\nhangs = \"always\"\n[alone]\nhangs = \"a\"\n\"nested/writes\" = \"b\"\n");
  for (const char* where : {"", "--native "}) {
    auto result = run(where + ("--timeout 3s -f hangs -f passes -f 'nested/*' --expect " + expected + " " + kTests));
    cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
    // The one that is ended after three seconds was the only one then.
    const size_t hangs = result.out.find(" - hangs"), writes = result.out.find("ok 5 - nested/writes");
    cr_expect(hangs != std::string::npos && writes != std::string::npos && hangs < writes, "%s", result.out.c_str());
  }
}

Test(suite, an_expected_failure_is_none_and_one_that_passes_must_be_moved, .timeout = 300) {
  e2e::Scratch scratch;
  const std::string right = scratch.write("right", "[fail]\nfails = \"arithmetic\"\ncrashes = \"address 8\"\n[skip]\nskips = \"always\"\n[unstable]\npasses = \"mostly\"\n");
  auto result = run(kQuick + "--expect " + right + " " + kTests);
  cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
  auto found = results(result.out);
  cr_expect(found["fails"].starts_with("not ok # TODO arithmetic\n# exit status 3"), "%s", found["fails"].c_str());
  cr_expect(found["skips"].starts_with("ok # SKIP always"), "%s", found["skips"].c_str());
  EXPECT_TEXT(last_line(result.out), "5 passed, 2 failed, 1 skipped\n");

  const std::string wrong = scratch.write("wrong", "[fail]\nfails = \"arithmetic\"\ncrashes = \"address 8\"\npasses = \"not any more\"\n");
  result = run(kQuick + "--expect " + wrong + " " + kTests);
  cr_expect_eq(result.status, 1, "%s", result.out.c_str());
  cr_expect(result.out.find("# passes is not as " + wrong + " says: it must be moved\n") != std::string::npos, "%s", result.out.c_str());

  complains("--expect " + scratch.write("lonely", "[alone]\nnobody = \"is gone\"\n") + " " + kTests, 125, "nobody is no test below");
  complains("--expect " + scratch.write("gone", "[fail]\nnobody = \"is gone\"\n") + " " + kTests, 125, "nobody is no test below");
  complains("--expect " + scratch.write("bare", "[fail]\nfails = \"\"\n") + " " + kTests, 125, "fails has no reason");
  complains("--expect " + scratch.write("torn", "[fail\n") + " " + kTests, 125, "line 1: ");
  complains("--expect " + scratch.path() + "/none " + kTests, 125, "--expect");
}

Test(suite, results_are_written_as_junit_and_as_json, .timeout = 300) {
  e2e::Scratch scratch;
  auto result = run(kQuick + "--junit " + scratch.path() + "/x.xml --json " + scratch.path() + "/x.json " + kTests);
  cr_expect_eq(result.status, 1);
  std::ifstream file(scratch.path() + "/x.json");
  json all = json::parse(file, nullptr, false);
  cr_assert(!all.is_discarded());
  cr_expect_eq(all["passed"], 5);
  cr_expect_eq(all["failed"], 2);
  for (const json& test : all["tests"]) {
    if (test["name"] != "fails") continue;
    cr_expect_eq(test["status"], 3);
    cr_expect_eq(test["verdict"], "fail");
    cr_expect_eq(test["output"], "two and two are five\nwhich is # wrong\n");
  }
  // By another reader of XML than the writer's.
  auto read = shell("python3 -c \"import sys, xml.etree.ElementTree as t; s = t.parse(sys.argv[1]).getroot()[0]; c = {(e.get('classname'), e.get('name')): e for e in s}; "
                    "print(s.get('tests'), s.get('failures'), s.get('skipped'), c['.', 'fails'][0].get('message'), c['nested', 'writes'].find('failure'))\" " +
                    scratch.path() + "/x.xml");
  EXPECT_TEXT(read.out, "8 2 1 exit status 3 None\n");
}

Test(suite, a_signal_ends_all_of_it, .timeout = 200) {
  OwnSuite own;
  for (const char* how : {"", "--native "}) {
    e2e::Background suite(kSuite + how + "-j 9 " + own.path());
    cr_assert(suite.wait_for("SKIP exit status 77", 100), "%s", suite.out().c_str());
    if (*how) cr_expect(e2e::wait_until([&] { return own.processes() != "0\n"; }), "those that run are found");
    suite.signal(SIGINT);
    cr_expect_eq(suite.wait(60), 130, "%s", suite.out().c_str());
    cr_expect(suite.out().find("Bail out! interrupted by SIGINT\n") != std::string::npos, "%s", suite.out().c_str());
  }
  EXPECT_TEXT(own.processes(), "0\n");
}

Test(suite, a_changed_test_is_run_as_it_is_now, .timeout = 300) {
  e2e::Scratch scratch;
  shell("cp -r " + kTests + "/passes " + scratch.path() + "/test");
  cr_expect_eq(run(scratch.path()).status, 0);
  shell("cp " + kTests + "/fails " + scratch.path() + "/test");
  cr_expect_eq(run(scratch.path()).status, 1);
}

Test(suite, a_directory_can_be_the_rest_of_the_root, .timeout = 300) {
  e2e::Scratch scratch;
  shell("mkdir -p " + scratch.path() + "/base/bin " + scratch.path() + "/tests && cp " PL_BUSYBOX " " + scratch.path() + "/base/bin/sh");
  scratch.write("tests/script", "#!/bin/sh\ntest -n \"$GIVEN\" && pwd | grep -q tests && exit $GIVEN\n", 0755);
  auto result = run("-e GIVEN=7 --pass 7 --rootfs " + scratch.path() + "/base " + scratch.path() + "/tests");
  cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
}

Test(suite, a_wrong_line_says_what_to_do, .timeout = 100) {
  complains("", 2, "DIR");
  complains("--shard 3/2 " + kTests, 2, "K from 1 to N");
  complains("--skip x " + kTests, 2, "expected exit statuses");
  complains("--skip 0 " + kTests, 2, "cannot mean both");
  complains("-u nobody " + kTests, 2, "as numbers");
  complains("--timeout soon " + kTests, 2, "expected a time");
  complains("--native --memory 64m " + kTests, 2, "--native");
  complains("/nowhere", 125, "No such file");
  complains("-f nothing " + kTests, 125, "no test is chosen");
  auto help = run("--help");
  cr_expect_eq(help.status, 0);
  cr_expect(help.out.find("--expect FILE") != std::string::npos, "%s", help.out.c_str());
}
