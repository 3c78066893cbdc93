// SPDX-License-Identifier: BSD-2-Clause
// Many instances of one command line, instances that go on by themselves, and the commands for them; each as a user types it.
#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "command.h"

using e2e::shell;
using nlohmann::json;

namespace {

const std::string kBin = "build/bin/";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

json parse(const e2e::Result& result) {
  auto value = json::parse(result.out, nullptr, false);
  cr_assert(!value.is_discarded(), "%s%s", result.out.c_str(), result.err.c_str());
  return value;
}

// A detached instance with a name of this test's own, forgotten at its end.
class Detached {
 public:
  explicit Detached(const std::string& command, const std::string& options = "") : name_("test-" + std::to_string(getpid())) {
    auto started = shell("./pl-run --shadow -d --name " + name_ + " " + options + " " + command);
    cr_assert_eq(started.status, 0, "%s", started.err.c_str());
    EXPECT_TEXT(started.out, name_ + "\n");
  }
  ~Detached() { shell(kBin + "pl-rm -f " + name_); }
  const std::string& name() const { return name_; }
  // As pl-ps -a --json shows it.
  json shown() const {
    for (const json& each : parse(shell(kBin + "pl-ps -a --json")))
      if (each["name"] == name_) return each;
    return {};
  }

 private:
  std::string name_;
};

}  // namespace

Test(many, each_instance_has_its_index_and_its_lines_stay_whole, .timeout = 300) {
  auto result = shell("./pl-run --shadow -n 40 -j 8 " + e2e::program("indexed"));
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  std::set<std::string> wanted;
  for (int i = 0; i < 40; ++i) {
    const std::string index = std::to_string(i);
    wanted.insert("[" + index + "] I am " + index + " of 40");
    wanted.insert("[" + index + "] the end of " + index);
  }
  const auto lines = lines_of(result.out);
  cr_expect_eq(lines.size(), wanted.size());
  cr_expect(std::set<std::string>(lines.begin(), lines.end()) == wanted, "%s", result.out.c_str());
  cr_expect(result.err.find("[39] to errors\n") != std::string::npos, "%s", result.err.c_str());
  cr_expect(result.err.find("40 of 40 instances ended with 0") != std::string::npos, "%s", result.err.c_str());
  cr_expect(result.err.find('\r') == std::string::npos, "no progress display without a terminal");
}

Test(many, a_thousand_instances_are_one_command, .timeout = 600) {
  auto result = shell("./pl-run --shadow -n 1000 -j 8 " + e2e::program("exit-with") + " 0", {.seconds = 500});
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  cr_expect(result.err.find("1000 of 1000 instances ended with 0") != std::string::npos, "%s", result.err.c_str());
}

Test(many, one_failure_does_not_stop_the_rest_and_the_status_says_so, .timeout = 300) {
  auto result = shell("./pl-run --shadow -n 20 -j 4 --json " + e2e::program("indexed") + " fail 7");
  cr_expect_eq(result.status, 123, "%d %s", result.status, result.err.c_str());
  const auto summary = json::parse(lines_of(result.err).back());
  cr_expect_eq(summary["succeeded"], 19);
  cr_expect_eq(summary["failed"], 1);
  cr_expect_eq(summary["failures"][0]["index"], 7);
  cr_expect_eq(summary["failures"][0]["status"], 7);
}

Test(many, fail_fast_starts_no_more, .timeout = 300) {
  auto result = shell("./pl-run --shadow -n 5000 -j 2 --fail-fast " + e2e::program("indexed") + " fail 3");
  cr_expect_eq(result.status, 123, "%d %s", result.status, result.err.c_str());
  cr_expect(result.err.find("not started") != std::string::npos, "%s", result.err.c_str());
}

Test(many, output_by_file_is_apart_and_unmarked, .timeout = 300) {
  e2e::Scratch scratch;
  auto result = shell("./pl-run --shadow -n 3 --output " + scratch.path() + "/results " + e2e::program("indexed"));
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  EXPECT_TEXT(result.out, "");
  EXPECT_TEXT(shell("cat " + scratch.path() + "/results/2.out").out, "I am 2 of 3\nthe end of 2");
  EXPECT_TEXT(shell("cat " + scratch.path() + "/results/0.err").out, "to errors\n");
}

Test(many, standard_input_is_empty_for_all_or_with_dash_i_whole_for_each, .timeout = 300) {
  auto none = shell("./pl-run --shadow -n 2 " + e2e::program("indexed") + " input", {.input = "abc"});
  cr_expect(none.out.find("[1] 0 bytes, sum 0\n") != std::string::npos, "%s%s", none.out.c_str(), none.err.c_str());
  auto all = shell("./pl-run --shadow -i -n 2 " + e2e::program("indexed") + " input", {.input = "abc"});
  for (const char* line : {"[0] 3 bytes, sum 294\n", "[1] 3 bytes, sum 294\n"})
    cr_expect(all.out.find(line) != std::string::npos, "%s%s", all.out.c_str(), all.err.c_str());
}

Test(many, computing_instances_share_the_time_and_end_by_their_own_timeout, .timeout = 300) {
  auto result = shell("./pl-run --shadow -n 3 --timeout 1s --json " + e2e::program("wait-for-signal") + " spin");
  cr_expect_eq(result.status, 123, "%s", result.err.c_str());
  for (int i = 0; i < 3; ++i)
    cr_expect(result.out.find("[" + std::to_string(i) + "] waiting") != std::string::npos, "%s", result.out.c_str());
  for (const auto& failure : json::parse(lines_of(result.err).back())["failures"]) cr_expect_eq(failure["status"], 124);
}

Test(many, an_interrupt_ends_all, .timeout = 300) {
  e2e::Background many("./pl-run --shadow -n 100 -j 5 " + e2e::program("indexed") + " wait");
  cr_assert(many.wait_for("[4] waiting"));
  many.signal(SIGINT);
  cr_expect_eq(many.wait(), 130);
  cr_expect(many.out().find("[5]") == std::string::npos, "%s", many.out().c_str());
}

Test(many, an_instance_without_memory_ends_alone_with_a_reason, .timeout = 300) {
  auto result = shell("./pl-run --shadow --memory 4M " + e2e::program("exit-with") + " memory");
  cr_expect_eq(result.status, 137, "%s", result.err.c_str());
  cr_expect(result.err.find("memory") != std::string::npos && result.err.find("4096 KiB") != std::string::npos, "%s", result.err.c_str());
}

Test(detached, goes_on_without_its_client_and_keeps_output_and_status, .timeout = 300) {
  Detached instance(e2e::program("wait-for-signal") + " handle");
  auto running = instance.shown();
  cr_assert(running.is_object(), "it is not in pl-ps");
  cr_expect(running["detached"].get<bool>() && running.contains("private_bytes"), "%s", running.dump().c_str());
  cr_expect_neq(shell("./pl-run --shadow --name " + instance.name() + " hello").status, 0, "the name is taken");
  cr_expect_eq(shell(kBin + "pl-rm " + instance.name()).status, 1, "it runs");

  e2e::Background follower(kBin + "pl-logs -f " + instance.name());
  cr_expect(follower.wait_for("waiting\n"));
  e2e::Background waiter(kBin + "pl-wait " + instance.name());
  cr_expect_eq(shell(kBin + "pl-kill -s TERM " + instance.name()).status, 0);
  cr_expect_eq(waiter.wait(), 3);
  cr_expect_eq(follower.wait(), 0);
  EXPECT_TEXT(follower.out(), "waiting\ncaught 15\n");

  auto ended = instance.shown();
  EXPECT_TEXT(ended["state"].get<std::string>(), "exited");
  cr_expect_eq(ended["status"], 3);
  EXPECT_TEXT(shell(kBin + "pl-logs " + instance.name()).out, "waiting\ncaught 15\n");
  cr_expect_eq(shell(kBin + "pl-wait " + instance.name()).status, 3);
  cr_expect_eq(shell(kBin + "pl-rm " + instance.name()).status, 0);
  cr_expect(instance.shown().is_null());
}

Test(detached, only_what_a_terminal_sends_reaches_an_instance_and_kill_ends_it, .timeout = 300) {
  Detached instance(e2e::program("wait-for-signal") + " spin");
  auto refused = shell(kBin + "pl-kill -s USR1 " + instance.name());
  cr_expect_eq(refused.status, 2);
  cr_expect(refused.err.find("terminal") != std::string::npos, "%s", refused.err.c_str());
  cr_expect_eq(shell(kBin + "pl-kill -s KILL " + instance.name()).status, 0);
  cr_expect_eq(shell(kBin + "pl-wait " + instance.name()).status, 137);
  cr_expect_eq(shell(kBin + "pl-kill no-such-name").status, 1);
}

Test(detached, many_are_shown_and_signalled_one_by_one, .timeout = 300) {
  Detached many(e2e::program("wait-for-signal"), "-n 3");
  std::set<std::string> names;
  cr_assert(e2e::wait_until([&] {
    for (const json& each : parse(shell(kBin + "pl-ps --json")))
      if (each["name"].get<std::string>().starts_with(many.name() + ".")) names.insert(each["name"]);
    return names.size() == 3;
  }));
  auto top = shell(kBin + "pl-top --once");
  cr_expect(top.out.find(many.name() + ".2") != std::string::npos && top.out.find("OCALLS") != std::string::npos, "%s", top.out.c_str());
  cr_expect_eq(shell(kBin + "pl-kill " + many.name() + ".1").status, 0);
  cr_expect_eq(shell(kBin + "pl-kill " + many.name()).status, 0);
  shell(kBin + "pl-wait " + many.name());
  auto log = shell(kBin + "pl-logs " + many.name());
  cr_expect(log.err.find("[1]: 143") != std::string::npos, "%s", log.err.c_str());
}

Test(detached, with_rm_leaves_nothing_behind, .timeout = 300) {
  Detached instance(e2e::program("exit-with") + " 0", "--rm");
  shell(kBin + "pl-wait " + instance.name());
  cr_expect(instance.shown().is_null());
}

Test(detached, a_killed_server_leaves_no_ghost, .timeout = 300) {
  Detached instance(e2e::program("wait-for-signal"));
  const int process = instance.shown()["process"];
  cr_expect_eq(shell(kBin + "pl-machine run kill -9 " + std::to_string(process)).status, 0);
  json shown;
  cr_expect(e2e::wait_until([&] { return (shown = instance.shown())["state"] == "killed"; }), "%s", shown.dump().c_str());
  cr_expect_eq(shown["status"], 137);
}

Test(detached, keeps_the_machine_from_being_stopped, .timeout = 300) {
  e2e::OwnMachine machine;
  Detached instance(e2e::program("wait-for-signal"));
  auto stopped = shell(kBin + "pl-machine stop");
  cr_expect_neq(stopped.status, 0);
  cr_expect(stopped.err.find("detached") != std::string::npos, "%s", stopped.err.c_str());
}

Test(template_command, build_finds_or_makes_one_and_the_rest_shows_and_removes_it, .timeout = 300) {
  e2e::OwnMachine machine;
  const std::string path = e2e::program("wait-for-signal");
  auto built = shell(kBin + "pl-template build --name for-people " + path);
  cr_assert_eq(built.status, 0, "%s", built.err.c_str());
  const std::string id = built.out.substr(0, built.out.find('\n'));
  EXPECT_TEXT(shell(kBin + "pl-template build --name for-people " + path).out, id + "\n");

  auto shown = parse(shell(kBin + "pl-template inspect --json " + id))[0];
  EXPECT_TEXT(shown["name"].get<std::string>(), "for-people");
  cr_expect_eq(shown["owner"], getuid());
  cr_expect_eq(shown["forks"], 0);
  cr_expect_eq(shown["measurement"].get<std::string>().size(), 96);
  cr_expect(shell(kBin + "pl-template inspect for-people").out.find("measurement  " + shown["measurement"].get<std::string>()) != std::string::npos);

  // Removed with a fork alive it is hidden at once, and freed with the last.
  auto pool_free = [] { return parse(shell(kBin + "pl-machine status --json"))["pool_free"].get<uint64_t>(); };
  e2e::Background fork("./pl-run --shadow " + path + " handle");
  cr_assert(fork.wait_for("waiting"));
  const uint64_t before = pool_free();
  cr_expect_eq(parse(shell(kBin + "pl-template inspect --json " + id))[0]["forks_alive"], 1);
  auto pruned = shell(kBin + "pl-template prune --older 1h");
  cr_expect_eq(pruned.status, 0, "%s", pruned.err.c_str());
  cr_expect_eq(shell(kBin + "pl-template rm " + id).status, 0);
  cr_expect_eq(shell(kBin + "pl-template inspect " + id).status, 1);
  const uint64_t hidden = pool_free();
  cr_expect_lt(hidden, before + shown["bytes"].get<uint64_t>(), "its memory is still the fork's");
  fork.signal(SIGTERM);
  cr_expect_eq(fork.wait(), 3);
  cr_expect_geq(pool_free(), hidden + shown["bytes"].get<uint64_t>());
}

Test(template_command, prune_removes_what_is_idle, .timeout = 300) {
  e2e::OwnMachine machine;
  auto id = parse(shell(kBin + "pl-template build --json " + e2e::program("exit-with")))["id"].get<uint64_t>();
  sleep(2);
  auto removed = parse(shell(kBin + "pl-template prune --older 1s --json"));
  cr_expect(std::ranges::any_of(removed, [&](const json& each) { return each["id"] == id; }), "%s", removed.dump().c_str());
  cr_expect_eq(shell(kBin + "pl-template inspect " + std::to_string(id)).status, 1);
}

Test(template_command, another_user_can_neither_see_nor_remove_one, .timeout = 300) {
  auto id = shell(kBin + "pl-template build " + e2e::program("exit-with")).out;
  id = id.substr(0, id.find('\n'));
  cr_assert(!id.empty());
  // The machine takes the user from the socket of the client, so another user inside is started there.
  e2e::Scratch scratch;
  auto helper = shell("riscv64-linux-gnu-gcc -static -o " + scratch.path() + "/as-user tests/e2e/library/as-user.c");
  cr_assert_eq(helper.status, 0, "%s", helper.err.c_str());
  const std::string as_other = kBin + "pl-machine run /host" + scratch.path() + "/as-user 4321 900 /usr/bin/pl-template ";
  auto listed = shell(as_other + "ls --json");
  cr_assert_eq(listed.status, 0, "%s", listed.err.c_str());
  cr_expect(parse(listed)["templates"].empty(), "%s", listed.out.c_str());
  cr_expect_eq(shell(as_other + "rm " + id).status, 1);
  cr_expect_eq(shell(kBin + "pl-template inspect " + id).status, 0);
}

Test(template_command, memory_pressure_evicts_the_oldest_idle_one_and_says_so, .timeout = 300) {
  e2e::OwnMachine machine;
  e2e::Scratch scratch;
  auto pool_free = [] { return parse(shell(kBin + "pl-machine status --json"))["pool_free"].get<uint64_t>(); };
  auto make = [&](int number) {
    const std::string path = scratch.path() + "/pressed-" + std::to_string(number);
    // A large program, so that a few fill the pool.
    shell("cp " + e2e::program("exit-with") + " " + path + "; printf " + std::to_string(number) + " >> " + path + "; truncate -s 30M " + path);
    return shell("./pl-run --shadow " + path + " 0");
  };
  shell(kBin + "pl-machine start");
  std::string said;
  const uint64_t at_most = pool_free() / (30 << 20) + 2;
  for (uint64_t number = 0; number < at_most && said.find("gave way") == std::string::npos; ++number) {
    auto result = make(static_cast<int>(number));
    cr_assert_eq(result.status, 0, "%s", result.err.c_str());
    said += result.err;
  }
  cr_expect(said.find("the template of pressed-0 ") != std::string::npos, "%s", said.c_str());
  auto evicted = parse(shell(kBin + "pl-template ls --json"))["evicted"];
  cr_expect(std::ranges::any_of(evicted, [](const json& each) { return each["name"] == "pressed-0"; }), "%s", evicted.dump().c_str());
}

Test(commands, help_needs_no_machine, .timeout = 100) {
  for (const char* command : {"pl-run", "pl-template", "pl-ps", "pl-logs", "pl-kill", "pl-wait", "pl-rm", "pl-top"}) {
    // A folder that cannot be: a command that looked for the machine would fail.
    auto result = shell("PENGLAI_RUNTIME_DIR=/proc/none " + kBin + command + " --help");
    cr_expect_eq(result.status, 0, "%s: %s", command, result.err.c_str());
    cr_expect(result.out.find("sage") != std::string::npos, "%s: %s", command, result.out.c_str());
    auto wrong = shell("PENGLAI_RUNTIME_DIR=/proc/none " + kBin + command + " --no-such-option");
    cr_expect(wrong.status != 0 && wrong.err.find("--help") != std::string::npos, "%s: %s", command, wrong.err.c_str());
  }
}

Test(library, a_c_and_a_cxx_program_build_against_what_is_installed_and_fork_three_times, .timeout = 300) {
  e2e::Scratch scratch;
  auto installed = shell("cmake --install build --prefix " + scratch.path() + "/penglai --component libpenglai");
  cr_assert_eq(installed.status, 0, "%s", installed.err.c_str());
  auto by_hand = shell("PKG_CONFIG_PATH=" + scratch.path() + "/penglai/lib/pkgconfig; export PKG_CONFIG_PATH; riscv64-linux-gnu-gcc -Wall -Werror -static -o " +
                       scratch.path() + "/fork-c tests/e2e/library/fork.c $(pkg-config --cflags --libs penglai)");
  cr_assert_eq(by_hand.status, 0, "%s", by_hand.err.c_str());
  auto by_cmake = shell("cmake -G Ninja -S tests/e2e/library -B " + scratch.path() + "/build -DCMAKE_PREFIX_PATH=" + scratch.path() +
                        "/penglai -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=riscv64 -DCMAKE_C_COMPILER=riscv64-linux-gnu-gcc "
                        "-DCMAKE_CXX_COMPILER=riscv64-linux-gnu-g++ && cmake --build " + scratch.path() + "/build");
  cr_assert_eq(by_cmake.status, 0, "%s%s", by_cmake.out.c_str(), by_cmake.err.c_str());
  for (const char* program : {"/fork-c", "/build/fork-cxx"}) {
    auto result = shell(kBin + "pl-machine run /host" + scratch.path() + program + " " + e2e::program("echo-arguments") + " " + e2e::program("wait-for-signal"));
    cr_expect_eq(result.status, 0, "%s: %s%s", program, result.out.c_str(), result.err.c_str());
    EXPECT_TEXT(result.out, "0: [first][0]\n1: [first][1]\n2: [first][2]\n");
  }
  // Of a root image, at boot.
  scratch.write("tree/etc/motd", "measured\n");
  auto image = shell("(cd " + scratch.path() + "/tree && mkdir bin && cp " PL_BUSYBOX " bin/busybox && for a in sh cat id pwd; do ln -s busybox bin/$a; done) && " +
                     kBin + "pl-image build " + scratch.path() + "/tree -o " + scratch.path() + "/image");
  cr_assert_eq(image.status, 0, "%s%s", image.out.c_str(), image.err.c_str());
  for (auto [program, status, text] : {std::tuple("boot-c", 0, "measured\nmeasured\n5\n/etc\na line\n"), std::tuple("boot-cxx", 7, "measured\nmeasured\nmeasured\n")}) {
    auto result = shell(kBin + "pl-machine run /host" + scratch.path() + "/build/" + program + " " + scratch.path() + "/image");
    cr_expect_eq(result.status, status, "%s: %s%s", program, result.out.c_str(), result.err.c_str());
    EXPECT_TEXT(result.out, text);
  }
}
