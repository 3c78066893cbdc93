// SPDX-License-Identifier: BSD-2-Clause
// pl-run --debug and --gdb: what a user sees of a program that dies, and gdb as a user types it.
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "command.h"

using e2e::shell;

namespace {

void expect_parts(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) cr_expect(text.find(part) != std::string::npos, "'%s' is not in\n%s", part, text.c_str());
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != text.npos; ++at) ++found;
  return found;
}

// Programs of tests/e2e/debugged, with debugging information.
class Built {
 public:
  std::string make(const std::string& command) {
    auto built = shell("cd " PL_TOP "/tests/e2e/debugged && OUT=" + scratch_.path() + " && " + command);
    cr_assert_eq(built.status, 0, "%s", built.err.c_str());
    return scratch_.path();
  }
  std::string program(const std::string& name) {
    return make(PL_TOP "/build/bin/pl-cc -g -O0 -pthread " + name + ".c -o $OUT/" + name) + "/" + name;
  }
  std::string write(const std::string& name, const std::string& content) { return scratch_.write(name, content); }

 private:
  e2e::Scratch scratch_;
};

// A port of the loopback address that somebody else has: none of those that are given out to who asks for any.
class TakenPort {
 public:
  TakenPort() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int port = 20000 + getpid() % 10000;
    do address.sin_port = htons(uint16_t(++port));
    while (port < 32768 && bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0);
    cr_assert_eq(listen(socket_, 1), 0);
    number = std::to_string(port);
  }
  ~TakenPort() { close(socket_); }
  std::string number;

 private:
  int socket_;
};

// A program under --gdb, and the command that pl-run says is to be typed.
struct Debugged {
  e2e::Background run;
  std::string command;

  explicit Debugged(const std::string& line) : run("build/bin/pl-run --gdb " + line + " 2>&1") {
    cr_assert(run.wait_for("waits for gdb: ", 120), "%s", run.out().c_str());
    size_t start = run.out().find("waits for gdb: ") + 15;
    cr_assert(run.wait_for("\n", 10));
    while (run.out().find('\n', start) == std::string::npos) cr_assert(run.wait_for("\n", 10));
    command = run.out().substr(start, run.out().find('\n', start) - start);
  }
  // With these commands of gdb's, one a line; what it says.
  std::string gdb(std::initializer_list<const char*> commands) {
    std::string line = command;
    line.insert(line.find(' '), " --batch -nx");
    std::string more;
    for (const char* one : commands) more += std::string(" -ex '") + one + "'";
    const size_t target = line.find("' ", line.find("can-use-hw"));
    line.insert(target == line.npos ? line.size() : target + 1, more);
    auto result = shell("timeout 90 " + line + " 2>&1", {.seconds = 100});
    return result.out;
  }
};

// Whoever speaks GDB's protocol.
class Wire {
 public:
  explicit Wire(const std::string& command) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    constexpr char kPlace[] = "127.0.0.1:";
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(command.substr(command.find(kPlace) + sizeof kPlace - 1))));
    cr_assert_eq(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Wire() { close(socket_); }
  // The answer, without its frame.
  std::string ask(const std::string& packet) {
    unsigned char sum = 0;
    for (char c : packet) sum = static_cast<unsigned char>(sum + c);
    char tail[4];
    snprintf(tail, sizeof tail, "#%02x", sum);
    const std::string framed = "$" + packet + tail;
    cr_assert_eq(send(socket_, framed.data(), framed.size(), MSG_NOSIGNAL), static_cast<ssize_t>(framed.size()));
    std::string answer;
    char c = 0;
    while (c != '#' && recv(socket_, &c, 1, 0) == 1) answer += c;
    for (int digits = 0; digits < 2 && recv(socket_, &c, 1, 0) == 1; ++digits) {}
    const size_t start = answer.find('$');
    return start == answer.npos ? answer : answer.substr(start + 1, answer.size() - start - 2);
  }

 private:
  int socket_;
};

}  // namespace

Test(debug, a_fault_of_a_plain_enclave_is_one_line_and_nothing_of_its_memory) {
  for (const char* how : {"", "--shadow "}) {
    auto result = shell(std::string("build/bin/pl-run ") + how + e2e::program("crash") + " sort");
    cr_expect_eq(result.status, 139);
    EXPECT_TEXT(e2e::without_pool(result.err), "pl-run: ended by SIGSEGV\n");
  }
  EXPECT_TEXT(e2e::without_pool(shell("build/bin/pl-run " + e2e::program("crash") + " abort").err), "pl-run: ended by SIGABRT\n");
  // What somebody has sent needs no word.
  EXPECT_TEXT(e2e::without_pool(shell("build/bin/pl-run " + e2e::program("exit-with") + " signal 15").err), "");
}

Test(debug, a_host_that_asks_a_plain_enclave_to_stop_gets_nothing_but_its_end, .timeout = 120) {
  const std::string host = "build/bin/pl-machine run -- env PENGLAI_ROOT=/host /host" PL_TOP "/build/riscv-linux/bin/hostile-debugger ";
  for (const char* how : {"", "--shadow "})
    EXPECT_TEXT(shell(host + how + e2e::program("crash") + " registers").out, "stops 0, registers false, signal 11\n");
  // It is no fault of that host's: a debug enclave does stop, and shows them.
  const std::string told = shell(host + "--debug " + e2e::program("crash") + " registers").out;
  cr_expect(told.starts_with("stops ") && !told.starts_with("stops 0") && told.ends_with(", registers true, signal 11\n"), "%s", told.c_str());
}

Test(debug, a_fault_of_a_debug_enclave_is_told_with_registers_and_callers, .timeout = 120) {
  auto result = shell("build/bin/pl-run --debug " + e2e::program("crash") + " sort");
  cr_expect_eq(result.status, 139);
  expect_parts(result.err, {"pl-run: a debug enclave", "process 2, thread 2: SIGSEGV: 0x10 is not mapped\n", "   pc 00000000000", "   sp 0000003f", "  #0  ",
                            " touch_null+0x", " compare+0x", " qsort", " sort_them+0x", " main+0x", " in /bin/crash\n", "pl-run: ended by SIGSEGV\n"});
  struct Case { const char* how; int status; std::initializer_list<const char*> parts; } cases[] = {
      {"null", 139, {"SIGSEGV", "#0 ", " touch_null+0x", " main+0x"}},
      {"abort", 134, {"SIGABRT", " abort+0x", " give_up+0x", " main+0x"}},
      {"trap", 133, {"SIGTRAP", "#0 ", " main+0x"}},
      {"illegal", 132, {"SIGILL: no instruction at 0x", "#0 ", " main+0x"}},
      {"overflow", 139, {"SIGSEGV", " deeper+0x", "  ... and more\n"}},
      {"call", 139, {"0x123456 is not mapped", "#0  0000000000123456 ?\n", "#1 ", " main+0x"}},
      {"handler", 139, {" touch_null+0x", " handler+0x", " raise+0x", " main+0x"}},
      {"thread", 139, {"process 2, thread 3: SIGSEGV", " sort_them+0x", " worker+0x"}},
      {"child", 6, {"process 3, thread 3: SIGABRT", " give_up+0x", " main+0x"}},
  };
  for (auto& one : cases) {
    auto died = shell("build/bin/pl-run --shadow --debug " + e2e::program("crash") + " " + one.how);
    cr_expect_eq(died.status, one.status, "%s: %d", one.how, died.status);
    expect_parts(died.err, one.parts);
  }
}

Test(debug, an_account_knows_shared_libraries_and_does_without_symbols, .timeout = 120) {
  Built built;
  const std::string place = built.make(
      "riscv64-linux-gnu-gcc -O2 -shared -fPIC library.c -o $OUT/libhelper.so && "
      "riscv64-linux-gnu-gcc -O2 user.c -o $OUT/user -L$OUT -lhelper -Wl,-rpath,$OUT && llvm-strip-19 $OUT/user");
  auto result = shell("build/bin/pl-run --debug " + place + "/user '!'");
  cr_expect_eq(result.status, 139);
  expect_parts(result.err, {"0x8 is not mapped", " helper+0x", "libhelper.so\n", " /bin/user+0x", "/lib/libc.so.6"});
}

Test(debug, an_account_of_a_program_with_debugging_information_has_lines_and_what_was_inlined, .timeout = 120) {
  Built built;
  for (const char* compiler : {PL_TOP "/build/bin/pl-cc", "riscv64-linux-gnu-gcc -gdwarf-4"}) {
    const std::string place = built.make(std::string(compiler) + " -g -O1 lines.c -o $OUT/lines");
    auto result = shell("build/bin/pl-run --debug " + place + "/lines");
    cr_expect_eq(result.status, 139);
    expect_parts(result.err, {" work+0x", " in /bin/lines at ", "lines.c:6 (load, inlined at ", "lines.c:10)\n", " main+0x", "lines.c:14\n"});
  }
}

Test(debug, a_death_on_the_way_to_a_shadow_point_is_told_too, .timeout = 120) {
  Built built;
  const std::string program = built.program("lines");
  auto result = shell("build/bin/pl-run --shadow --shadow-at=call --debug " + program);
  cr_expect_eq(result.status, 125);
  expect_parts(result.err, {"pl-run: process 2, thread 2: SIGSEGV", "#0 ", " main+0x", "lines.c:14\n", "before it reached its shadow point"});
  expect_parts(shell("build/bin/pl-template build --debug --shadow-at=call " + program).err, {"pl-template: process 2, thread 2: SIGSEGV", "#0 "});
  cr_expect(shell("build/bin/pl-run --shadow --shadow-at=call " + program).err.find("#0") == std::string::npos);
}

Test(debug, gdb_stops_at_a_function_shows_it_steps_and_lets_it_go_on, .timeout = 120) {
  Built built;
  const std::string program = built.program("sums");
  for (const char* how : {"", "--shadow ", "--shadow --shadow-at=main "}) {
    Debugged debugged(how + program);
    cr_expect(debugged.command.starts_with("gdb-multiarch -ex 'target remote 127.0.0.1:"), "%s", debugged.command.c_str());
    const std::string said = debugged.gdb({"break add", "continue", "bt", "print a", "next", "print sum", "print counter", "stepi", "info registers pc",
                                           "print $fcsr", "set var counter=100", "next", "print counter", "finish", "delete", "print add(20,3)", "continue"});
    expect_parts(said, {"Breakpoint 1, add (a=0, b=1)", "#1 ", "in main (argc=1", "$1 = 0", "$2 = 1", "$3 = 41", "= 101", "= 23", "exited with code 07"});
    cr_expect_eq(debugged.run.wait(), 7);
    expect_parts(debugged.run.out(), {"1 0.500000\n2 0.500000\n3 0.500000\n"});
  }
}

Test(debug, gdb_lists_threads_and_steps_one_of_them, .timeout = 120) {
  Built built;
  Debugged debugged(built.program("threads"));
  // Stepped is the one that is in work(): with the others locked, one that waits for them would never have done its step.
  const std::string said = debugged.gdb({"break work if n==3", "continue", "info threads", "set $there=$_thread", "thread 1", "bt 1", "thread $there", "set scheduler-locking on", "stepi",
                                         "set scheduler-locking off", "delete", "continue"});
  cr_expect_geq(count(said, " Thread "), 4, "%s", said.c_str());
  cr_expect_eq(count(said, "[Switching to thread "), 2, "%s", said.c_str());
  expect_parts(said, {"work (n=3)", "[Switching to thread 1 ", "exited with code 03"});
  cr_expect_eq(debugged.run.wait(), 3);
  expect_parts(debugged.run.out(), {"300\n"});
}

Test(debug, children_do_not_inherit_breakpoints_and_an_executed_program_has_its_own, .timeout = 120) {
  Built built;
  const std::string program = built.program("forks");
  Debugged debugged("-e EXEC=1 " + program);
  const std::string said = debugged.gdb({"break visit", "continue", "continue", "bt", "continue"});
  expect_parts(said, {"visit (n=1)", "executing new program: /bin/forks", "visit (n=4)", "exited with code 010"});
  cr_expect_eq(debugged.run.wait(), 8);
  expect_parts(debugged.run.out(), {"child a00\nexec 1200\n"});
}

Test(debug, gdb_follows_a_child_or_keeps_both, .timeout = 180) {
  Built built;
  const std::string program = built.program("forks");
  {
    Debugged debugged(program);
    const std::string said = debugged.gdb({"set follow-fork-mode child", "break visit if n==5", "continue", "bt 1", "info inferiors", "continue"});
    expect_parts(said, {"Attaching after", "visit (n=5)", "exited with code 012"});
    cr_expect_eq(debugged.run.wait(), 2);
    expect_parts(debugged.run.out(), {"child a00\nexec 1200\n"});
  }
  {
    Debugged debugged(program);
    const std::string said = debugged.gdb({"set detach-on-fork off", "catch fork", "continue", "break visit if n==5", "stepi", "info inferiors", "inferior 2", "continue", "bt 1", "continue",
                                           "inferior 1", "set detach-on-fork on", "delete", "continue"});
    expect_parts(said, {"Catchpoint 1 (forked process 3)", "process 3", "visit (n=5)", "Inferior 2 (process 3) exited with code 012", "Inferior 1 (process 2) exited with code 02"});
    cr_expect_eq(debugged.run.wait(), 2);
  }
  Debugged debugged(program);
  const std::string said = debugged.gdb({"catch vfork", "catch exec", "set follow-fork-mode child", "set detach-on-fork on", "tbreak visit", "continue", "set follow-fork-mode parent",
                                         "continue", "set follow-fork-mode child", "continue", "bt 1", "continue"});
  expect_parts(said, {"visit (n=1)", "Catchpoint 1 (vforked process", "is executing new program: /bin/forks", "exited with code 022"});
  cr_expect_eq(debugged.run.wait(), 2);
}

// GDB 13 cannot catch system calls on RISC-V: what a later one sends.
Test(debug, system_calls_are_caught_and_may_be_given_something_else, .timeout = 120) {
  Built built;
  Debugged debugged(built.program("waits"));
  debugged.run.type("3");
  debugged.run.close_input();
  Wire wire(debugged.command);
  EXPECT_TEXT(wire.ask("QStartNoAckMode"), "OK");
  EXPECT_TEXT(wire.ask("QCatchSyscalls:1;3f"), "OK");
  EXPECT_TEXT(wire.ask("vCont;c"), "T05thread:2;syscall_entry:3f;");
  EXPECT_TEXT(wire.ask("pa"), "0000000000000000");
  EXPECT_TEXT(wire.ask("Pa=6300000000000000"), "OK");  // no such descriptor
  EXPECT_TEXT(wire.ask("vCont;c"), "T05thread:2;syscall_return:3f;");
  EXPECT_TEXT(wire.ask("pa"), "f7ffffffffffffff");
  EXPECT_TEXT(wire.ask("Pa=0000000000000000"), "OK");  // as if there was nothing to read
  EXPECT_TEXT(wire.ask("QCatchSyscalls:0"), "OK");
  EXPECT_TEXT(wire.ask("vCont;c"), "W00");
  cr_expect_eq(debugged.run.wait(), 0);
}

Test(debug, a_function_is_called_in_a_program_that_waits_in_a_system_call, .timeout = 120) {
  Built built;
  const std::string program = built.program("waits");
  built.write("later.py",
              "import gdb, os, signal, threading, time\n"
              "threading.Thread(target=lambda: (time.sleep(1), os.kill(os.getpid(), signal.SIGINT))).start()\n");
  const std::string later = "source " + program.substr(0, program.rfind('/')) + "/later.py";
  Debugged debugged(program);
  const std::string said = debugged.gdb({later.c_str(), "continue", "print twice(21)", "x/i $pc", "print $a7", "detach"});
  expect_parts(said, {"received signal SIGINT", "$1 = 42", "ecall", "$2 = 63"});
  debugged.run.type("34");
  debugged.run.close_input();
  cr_expect_eq(debugged.run.wait(), 14);
}

Test(debug, gdb_watches_asks_and_steps_as_users_type_it, .timeout = 180) {
  Built built;
  const std::string program = built.program("sums");
  Debugged debugged(program);
  const std::string core = "gcore " + program + ".core";
  const std::string said = debugged.gdb({"tbreak main", "continue", "break add if a==1", "continue", "watch counter", "continue", "info watchpoints", "delete", "finish", "until 13", "info proc",
                                         "info proc mappings", "info auxv", "info signals SIGUSR1", "handle SIGUSR1 nostop noprint pass", "call add(1, 1)", core.c_str(), "continue"});
  expect_parts(said, {"Temporary breakpoint 1, main (argc=1", "add (a=1, b=1)", "Watchpoint 3: counter", "Old value = 42", "New value = 44", "Value returned is $1 = 2", "process 2\n",
                      "cmdline = ", "exe = '/bin/sums'", "[stack]", "AT_PAGESZ", "User defined signal 1", "$2 = 2", "Saved corefile", "exited with code 07"});
  cr_expect_eq(debugged.run.wait(), 7);
  const auto after = shell("gdb-multiarch --batch -nx -ex 'print counter' " + program + " " + program + ".core 2>&1");
  expect_parts(after.out, {"Core was generated by", "$1 = 49"});
}

Test(debug, gdb_finds_the_libraries_of_a_dynamic_program_in_the_enclave, .timeout = 180) {
  Built built;
  const std::string place = built.make(
      "riscv64-linux-gnu-gcc -g -O0 -shared -fPIC library.c -o $OUT/libhelper.so && "
      "riscv64-linux-gnu-gcc -g -O0 user.c -o $OUT/user -L$OUT -lhelper -Wl,-rpath,$OUT && " PL_TOP
      "/build/bin/pl-cc -dynamic -g -O0 user.c library.c -o $OUT/user-musl");
  for (const std::string& line : {place + "/user", "--shadow " + place + "/user", place + "/user-musl"}) {
    Debugged debugged(line);
    const std::string said = debugged.gdb({"break main", "continue", "break inner", "continue", "bt", "info sharedlibrary", "continue"});
    expect_parts(said, {"Breakpoint 1, main (argc=1", "inner (text=0x", "\"four\")", "helper (text=", "target:/lib/ld-", "exited with code 05"});
    cr_expect_eq(debugged.run.wait(), 5);
  }
}

Test(debug, gdb_reads_the_program_of_a_root_image_from_the_enclave, .timeout = 120) {
  Built built;
  const std::string place = built.make("mkdir $OUT/root && " PL_TOP "/build/bin/pl-cc -g -O0 sums.c -o $OUT/root/sums") + "/root";
  Debugged debugged("--shadow --shadow-at=boot --rootfs " + place + " /sums");
  const std::string said = debugged.gdb({"break add", "continue", "print b", "bt", "delete", "continue"});
  expect_parts(said, {"Reading symbols from target:/sums", "Breakpoint 1, add (a=0, b=1)", "$1 = 1", "in main (argc=1", "exited with code 07"});
  cr_expect_eq(debugged.run.wait(), 7);
}

Test(debug, ctrl_c_in_gdb_stops_a_program_that_computes_and_one_that_waits, .timeout = 120) {
  Built built;
  const std::string program = built.program("spin");
  built.write("later.py",
              "import gdb, os, signal, threading, time\n"
              "def interrupt(): time.sleep(0.5); os.kill(os.getpid(), signal.SIGINT)\n"
              "def continued(event): gdb.events.cont.disconnect(continued); threading.Thread(target=interrupt).start()\n"
              "gdb.events.cont.connect(continued)\n");
  const std::string later = "source " + program.substr(0, program.rfind('/')) + "/later.py";
  {
    Debugged debugged(program);
    const std::string said = debugged.gdb({later.c_str(), "continue", "print turns > 100", "set var stop=1", "continue", "continue"});
    expect_parts(said, {"received signal SIGINT", "in main ", "= 1\n", "received signal SIGUSR1", "exited with code 012"});
    cr_expect_eq(debugged.run.wait(), 10);
  }
  Debugged debugged(program + " x");
  const std::string said = debugged.gdb({later.c_str(), "continue", "print $a7", "detach"});
  expect_parts(said, {"received signal SIGINT", "$1 = 63"});
  debugged.run.type("y");
  cr_expect_eq(debugged.run.wait(), 5);
}

Test(debug, a_fault_is_shown_by_gdb_and_the_signal_can_be_kept_away, .timeout = 120) {
  Debugged debugged(e2e::program("crash") + " null");
  const std::string said = debugged.gdb({"continue", "print $_siginfo", "bt 1", "continue"});
  expect_parts(said, {"received signal SIGSEGV", "touch_null ()", "terminated with signal SIGSEGV"});
  cr_expect_eq(debugged.run.wait(), 139);
}

Test(debug, a_detached_program_goes_on_and_can_be_attached_to_again, .timeout = 120) {
  Built built;
  Debugged debugged(built.program("spin"));
  debugged.gdb({"break main", "continue", "detach"});
  const std::string said = debugged.gdb({"print turns >= 0", "set var stop=1", "detach"});
  expect_parts(said, {"main (argc=1", "$1 = 1"});
  cr_expect_eq(debugged.run.wait(), 10);
}

Test(debug, a_port_is_chosen_and_one_that_is_taken_is_said_to_be, .timeout = 120) {
  Built built;
  const std::string program = built.program("sums");
  std::string number;
  {
    TakenPort taken;
    number = taken.number;
    auto refused = shell("build/bin/pl-run --gdb=" + number + " " + program);
    cr_expect_eq(refused.status, 125);
    EXPECT_TEXT(refused.err, "pl-run: --gdb: 127.0.0.1:" + number + ": Address already in use; --gdb without a number takes a port that is free\n");
  }
  e2e::Background run("build/bin/pl-run --gdb=" + number + " " + program + " 2>&1");
  cr_assert(run.wait_for("waits for gdb: gdb-multiarch -ex 'target remote 127.0.0.1:" + number + "' ", 120), "%s", run.out().c_str());
  auto said = shell("gdb-multiarch --batch -nx -ex 'target remote 127.0.0.1:" + number + "' -ex 'break main' -ex continue -ex 'delete' -ex continue " + program + " 2>&1");
  expect_parts(said.out, {"Breakpoint 1, main (argc=1", "exited with code 07"});
  cr_expect_eq(run.wait(), 7);
}

Test(debug, a_call_from_gdb_leaves_no_trace_in_the_calls_that_follow, .timeout = 120) {
  Built built;
  Debugged debugged(built.program("restart"));
  const std::string said = debugged.gdb({"print twice(4)", "break main", "continue", "print twice(5)", "delete", "continue"});
  expect_parts(said, {"$1 = 8", "$2 = 10", "exited with code 011"});
  cr_expect_eq(debugged.run.wait(), 9);
}

Test(debug, a_time_limit_ends_a_program_that_gdb_holds, .timeout = 120) {
  Built built;
  Debugged debugged("--timeout 3 " + built.program("sums"));
  const std::string until_it_has_ended = "shell for i in $(seq 600); do grep -q \"^State:.[^Z]\" /proc/" + std::to_string(debugged.run.pid()) + "/status || break; sleep 0.1; done";
  debugged.gdb({"break add", "continue", until_it_has_ended.c_str(), "continue"});
  cr_expect_eq(debugged.run.wait(), 124);
}

Test(debug, gdb_that_is_killed_leaves_the_program_to_the_next, .timeout = 120) {
  Built built;
  const std::string program = built.program("sums");
  Debugged debugged(program);
  debugged.gdb({"break add", "continue", "shell kill -9 $PPID"});
  const std::string said = debugged.gdb({"bt 1", "continue"});
  expect_parts(said, {"add (a=0, b=1)", "exited with code 07"});
  cr_expect_eq(debugged.run.wait(), 7);
  // And if it runs meanwhile, it goes on to its end without it, breakpoints and all.
  Debugged running(built.program("spin"));
  running.gdb({"break raise", "shell (sleep 2; kill -9 $PPID) &", "continue"});
  const std::string again = running.gdb({"set var stop=1", "detach"});
  cr_expect(again.find("error") == again.npos, "%s", again.c_str());
  cr_expect_eq(running.run.wait(), 10);
}

Test(debug, a_killed_program_is_ended_and_so_is_one_that_waits_for_gdb_in_vain, .timeout = 120) {
  Built built;
  const std::string program = built.program("sums");
  Debugged killed(program);
  killed.gdb({"break add", "continue", "kill"});
  cr_expect_eq(killed.run.wait(), 137);
  Debugged waiting(program);
  waiting.run.signal(SIGTERM);
  cr_expect_eq(waiting.run.wait(), 143);
}

Test(debug, a_debug_enclave_is_another_template_and_gdb_follows_one_program) {
  const std::string program = e2e::program("exit-with");
  shell("build/bin/pl-template prune --all; build/bin/pl-run --shadow " + program + " 0; build/bin/pl-run --shadow --debug " + program + " 0");
  auto list = shell("build/bin/pl-template ls --json");
  cr_expect_geq(count(list.out, "\"debug\":true") + count(list.out, "\"debug\": true"), 1, "%s", list.out.c_str());
  for (const char* wrong : {"--gdb -n 2", "--debug -n 2", "--gdb -d", "--gdb=70000", "--gdb=x"})
    cr_expect_eq(shell(std::string("build/bin/pl-run ") + wrong + " hello").status, 125, "%s", wrong);
}
