// SPDX-License-Identifier: BSD-2-Clause
// The machine as its users meet it: streams, statuses, signals, terminals, crashes. Each test has a machine of its own.
#include <criterion/criterion.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "../e2e/command.h"

namespace {

// A shell outside, with pl-machine in its path. Standard error comes with standard output.
e2e::Result shell(const std::string& script) { return e2e::shell("exec 2>&1; " + script, {.seconds = 170}); }

std::string qemu() { return "$(pl-machine status --json | sed -n 's/.*\"qemu_pid\": \\([0-9]*\\).*/\\1/p')"; }

std::string emulators() { return shell("pgrep -f \"qemu-system-riscv64.*$PENGLAI_RUNTIME_DIR\" | wc -l").out; }

struct Machine {
  Machine() {
    ::setenv("PENGLAI_RUNTIME_DIR", folder.path().c_str(), 1);
    ::setenv("PATH", (std::string(PL_BIN) + ":" + ::getenv("PATH")).c_str(), 1);
    const auto started = shell("pl-machine run -- true");
    cr_assert_eq(started.status, 0, "%s", started.out.c_str());
  }
  ~Machine() { shell("pl-machine stop --force"); }
  e2e::Scratch folder;
};

// A command that runs inside, and has said so.
struct Running : e2e::Background {
  explicit Running(const std::string& script) : Background("pl-machine run -- sh -c '" + script + "' 2>&1") { cr_assert(wait_for("ready\n"), "%s", out().c_str()); }
};

// A command on a terminal of its own.
struct Terminal {
  explicit Terminal(const std::string& script, unsigned short rows = 33, unsigned short columns = 111) {
    const winsize size{rows, columns, 0, 0};
    process = ::forkpty(&fd, nullptr, nullptr, &size);
    if (process == 0) {
      ::execl("/bin/bash", "bash", "--norc", "-c", script.c_str(), nullptr);
      ::_exit(126);
    }
  }
  ~Terminal() {
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
    ::close(fd);
  }
  bool wait_for(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (seen.find(text, at) == std::string::npos) {
      pollfd waiting{fd, POLLIN, 0};
      if (std::chrono::steady_clock::now() > end) return false;
      if (::poll(&waiting, 1, 100) != 1) continue;
      char buffer[4096];
      const ssize_t size = ::read(fd, buffer, sizeof(buffer));
      if (size <= 0) return false;
      seen.append(buffer, static_cast<size_t>(size));
    }
    at = seen.find(text, at) + text.size();
    return true;
  }
  void type(const std::string& keys) { cr_assert_eq(::write(fd, keys.data(), keys.size()), static_cast<ssize_t>(keys.size())); }
  // Every key goes to the command as it is typed.
  bool is_raw() const {
    termios settings{};
    return ::tcgetattr(fd, &settings) == 0 && !(settings.c_lflag & ICANON);
  }
  pid_t process = -1;
  int fd = -1;
  std::string seen;
  size_t at = 0;
};

}  // namespace

TestSuite(machine_end_to_end, .timeout = 180);

Test(machine_end_to_end, a_hundred_megabytes_pass_unchanged_in_both_directions) {
  Machine machine;
  const auto result = shell("cd $PENGLAI_RUNTIME_DIR; head -c 100000000 /dev/urandom > in; pl-machine run -- cat < in > out && cmp in out && echo same");
  EXPECT_TEXT(result.out, "same\n");
}

Test(machine_end_to_end, standard_output_and_error_stay_apart) {
  Machine machine;
  EXPECT_TEXT(shell("pl-machine run -- sh -c 'echo out; echo err >&2' 2>/dev/null").out, "out\n");
  EXPECT_TEXT(shell("pl-machine run -- sh -c 'echo out; echo err >&2' 2>&1 >/dev/null").out, "err\n");
}

Test(machine_end_to_end, a_closed_reader_ends_the_writer_on_the_other_side) {
  Machine machine;
  EXPECT_TEXT(shell("bash -c 'pl-machine run -- yes | head -n 1; echo ${PIPESTATUS[0]}'").out, "y\n141\n");
  EXPECT_TEXT(shell("bash -c 'yes | pl-machine run -- sh -c \"exec <&-; sleep 1; echo end\"; echo ${PIPESTATUS[@]}'").out, "end\n141 0\n");
}

Test(machine_end_to_end, the_exit_status_is_the_commands) {
  Machine machine;
  cr_expect_eq(shell("pl-machine run -- sh -c 'exit 7'").status, 7);
  cr_expect_eq(shell("pl-machine run -- sh -c 'kill -9 $$'").status, 137);
  cr_expect_eq(shell("pl-machine run -- no-such-command").status, 127);
  cr_expect_eq(shell("pl-machine run -- /host/etc/passwd").status, 126);
  cr_expect_eq(shell("pl-machine run --no-such-option").status, 125);
  cr_expect_eq(shell("pl-machine no-such-thing").status, 125);
}

Test(machine_end_to_end, a_command_that_reads_no_input_leaves_the_file_to_the_next) {
  Machine machine;
  EXPECT_TEXT(shell("cd $PENGLAI_RUNTIME_DIR; printf 'a\\nb\\nc\\n' > lines; while read l; do echo $l; pl-machine run -- true; done < lines").out, "a\nb\nc\n");
}

Test(machine_end_to_end, signals_reach_the_command) {
  Machine machine;
  for (auto [number, name] : {std::pair(SIGINT, "INT"), std::pair(SIGTERM, "TERM"), std::pair(SIGHUP, "HUP"), std::pair(SIGQUIT, "QUIT")}) {
    Running command(std::string("trap \"echo got; exit 9\" ") + name + "; echo ready; while :; do sleep 0.1; done");
    command.signal(number);
    cr_expect_eq(command.wait(), 9, "%s", name);
    EXPECT_TEXT(command.out(), "ready\ngot\n");
  }
}

Test(machine_end_to_end, a_client_that_is_killed_takes_its_command_with_it) {
  Machine machine;
  Running command("echo ready; exec sleep 4321");
  command.signal(SIGKILL);
  cr_expect_eq(command.wait(), 137);
  cr_expect(e2e::wait_until([] { return shell("pl-machine run -- ps | grep -q '[s]leep 4321'").status == 1; }));
}

Test(machine_end_to_end, a_slow_reader_holds_up_nobody_else) {
  Machine machine;
  Running command("echo ready; exec yes");
  ::usleep(500'000);  // nobody reads it: what is between here and there is full before long
  EXPECT_TEXT(shell("timeout 60 pl-machine run -- echo quick").out, "quick\n");
}

Test(machine_end_to_end, many_clients_at_once_start_one_machine) {
  Machine machine;
  shell("pl-machine stop");
  std::string sorted = shell("for i in 1 2 3 4 5 6 7 8; do pl-machine run -- sh -c \"exit $i\" 2>/dev/null || echo $? & done; wait").out;
  std::sort(sorted.begin(), sorted.end());
  cr_expect_str_eq(sorted.c_str(), "\n\n\n\n\n\n\n\n12345678");
  EXPECT_TEXT(emulators(), "1\n");
}

Test(machine_end_to_end, a_crash_is_said_with_the_logs_place_and_the_next_command_has_a_new_machine) {
  Machine machine;
  Running command("echo ready; exec sleep 1000");
  shell("kill -9 " + qemu());
  cr_expect_eq(command.wait(), 125);
  cr_expect(command.out().find("crashed") != std::string::npos && command.out().find("machine.log") != std::string::npos, "%s", command.out().c_str());
  cr_expect_eq(shell("pl-machine run -- true").status, 0);
}

Test(machine_end_to_end, without_its_daemon_no_emulator_stays_and_the_next_command_recovers) {
  Machine machine;
  shell("kill -9 $(cat $PENGLAI_RUNTIME_DIR/daemon.lock)");
  cr_expect(e2e::wait_until([] { return emulators() == "0\n"; }));
  cr_expect_eq(shell("pl-machine run -- true").status, 0);
}

Test(machine_end_to_end, idle_it_stops_and_in_use_it_does_not) {
  Machine machine;
  shell("pl-machine stop; pl-machine start --idle 1");
  cr_expect_eq(shell("pl-machine run -- sleep 2.5").status, 0);
  cr_expect(e2e::wait_until([] { return emulators() == "0\n"; }));  // whoever asked it for its status would be using it
  cr_expect_eq(shell("pl-machine status").status, 3);
}

Test(machine_end_to_end, changed_settings_replace_an_idle_machine_and_spare_one_in_use) {
  Machine machine;
  const std::string other = "PENGLAI_HARTS=1 pl-machine run -- grep -c '^processor' /proc/cpuinfo";
  Running command("echo ready; read end; exit 0");
  const auto busy = shell(other);
  cr_expect(busy.out.find("in use") != std::string::npos && busy.out.find("2\n") != std::string::npos, "%s", busy.out.c_str());
  command.close_input();
  cr_expect_eq(command.wait(), 0);
  EXPECT_TEXT(shell(other + " 2>/dev/null").out, "1\n");
}

Test(machine_end_to_end, stop_spares_commands_unless_forced) {
  Machine machine;
  Running command("echo ready; exec sleep 1000");
  cr_expect_eq(shell("pl-machine stop").status, 125);
  cr_expect_eq(shell("pl-machine stop --force").status, 0);
  cr_expect_eq(shell("pl-machine status").status, 3);
}

Test(machine_end_to_end, a_terminal_is_one_inside_with_its_size_and_keys) {
  Machine machine;
  Terminal terminal("pl-machine run -- sh -c 'tty; stty size; echo ready; cat'; echo status=$?; stty -a");
  cr_assert(terminal.wait_for("/dev/pts/"), "%s", terminal.seen.c_str());
  cr_expect(terminal.wait_for("33 111"), "%s", terminal.seen.c_str());
  cr_assert(terminal.wait_for("ready"));
  terminal.type("abc\r");
  cr_expect(terminal.wait_for("abc\r\nabc"), "%s", terminal.seen.c_str());
  terminal.type("\x03");
  cr_expect(terminal.wait_for("status=130"), "%s", terminal.seen.c_str());
  cr_expect(terminal.wait_for(" icanon"), "the terminal must be as before: %s", terminal.seen.c_str());
}

Test(machine_end_to_end, a_new_window_size_reaches_the_command) {
  Machine machine;
  Terminal terminal("pl-machine run -- sh -c 'trap \"stty size\" WINCH; echo ready; while :; do sleep 0.1; done'");
  cr_assert(terminal.wait_for("ready"), "%s", terminal.seen.c_str());
  const winsize size{44, 99, 0, 0};
  ::ioctl(terminal.fd, TIOCSWINSZ, &size);
  cr_expect(terminal.wait_for("44 99"), "%s", terminal.seen.c_str());
}

Test(machine_end_to_end, only_the_descriptors_that_are_terminals_are_terminals_inside) {
  Machine machine;
  Terminal terminal("pl-machine run -- sh -c 'for i in 0 1 2; do test -t $i && echo $i >&2; done; echo end >&2' | cat");
  cr_expect(terminal.wait_for("0\r\n2\r\nend"), "%s", terminal.seen.c_str());
}

Test(machine_end_to_end, suspended_and_continued_the_command_goes_on) {
  Machine machine;
  Terminal terminal("set -m; pl-machine run -- sh -c 'echo ready; cat'; echo stopped=$?; fg; echo status=$?");
  cr_assert(terminal.wait_for("ready"), "%s", terminal.seen.c_str());
  terminal.type("\x1a");
  cr_assert(terminal.wait_for("stopped=148"), "%s", terminal.seen.c_str());
  cr_assert(e2e::wait_until([&] { return terminal.is_raw(); }));
  terminal.type("again\r");
  cr_expect(terminal.wait_for("again\r\nagain"), "%s", terminal.seen.c_str());
  terminal.type("\x04");
  cr_expect(terminal.wait_for("status=0"), "%s", terminal.seen.c_str());
}
