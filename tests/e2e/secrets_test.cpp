// SPDX-License-Identifier: BSD-2-Clause
// What a template's memory holds: physical memory is searched from outside, by the emulator's own monitor, which no PMP entry stops. A
// debugger stops the machine where the generator's state is about to be erased, so that what must be gone is known.
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

#include "../programs/shadow-traces.h"
#include "command.h"

using e2e::program;
using e2e::shell;

namespace {

// Of the machine that this suite asks for: all of its RAM.
constexpr const char* kMemory = "0x80000000 0x20000000";

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A word of the machine's status, as JSON has it.
std::string status(const std::string& name) {
  const auto text = shell("build/bin/pl-machine status --json").out;
  auto at = text.find("\"" + name + "\": \"");
  cr_assert(at != text.npos, "%s", text.c_str());
  at += name.size() + 5;
  return text.substr(at, text.find('"', at) - at);
}

// Asks the running emulator for a debugger's socket.
void open_debugger(const std::string& socket_path) {
  const int qmp = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, status("qmp").c_str(), sizeof address.sun_path - 1);
  cr_assert_eq(connect(qmp, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string words = "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"gdbserver unix:" +
                            socket_path + ",server=on,wait=off\"}}\n";
  cr_assert_eq(write(qmp, words.data(), words.size()), ssize_t(words.size()));
  std::string answer;
  char piece[4096];
  while (answer.find("Waiting for gdb") == answer.npos) {
    const ssize_t n = read(qmp, piece, sizeof piece);
    cr_assert_gt(n, 0, "%s", answer.c_str());
    answer.append(piece, size_t(n));
  }
  close(qmp);
}

std::string debugger(const std::string& script) { return "gdb-multiarch -batch -nx -x " + script + " build/riscv-bare/bin/libos.elf"; }

}  // namespace

Test(secrets, a_template_holds_nothing_of_its_generator_and_nothing_that_was_given_back, .timeout = 300) {
  e2e::Scratch scratch;
  const std::string at = scratch.path(), target = "set pagination off\ntarget remote " + at + "/gdb\n";
  const std::string save = "monitor pmemsave " + std::string(kMemory) + " \"" + at + "/";
  shell("build/bin/pl-machine stop");
  cr_assert_eq(shell("./pl-run --memory 32M hello").status, 0);
  open_debugger(at + "/gdb");

  // The template's own start is the first to be seeded.
  scratch.write("watch", target +
                             "hbreak pl::random::seed\nhbreak pl::random::erase\nprintf \"watching\\n\"\ncontinue\n"
                             "dump binary memory " + at + "/seed $a0 $a0+64\ncontinue\n"
                             "set $generator = &'pl::random::(anonymous namespace)::generator'\n"
                             "dump binary memory " + at + "/key &$generator->key ((char*)&$generator->key)+32\n"
                             "dump binary memory " + at + "/ready &$generator->ready[32-$generator->left] &$generator->ready[32]\n" +
                             save + "before\"\n"
                             "hbreak pl::monitor::freeze\ncontinue\nset $page = (unsigned long)$sp & ~0xfff\nset $used = (unsigned long)$sp - 1024\n"
                             "dump binary memory " + at + "/stack $page $used\n"
                             "delete\ndetach\nprintf \"saved\\n\"\n");
  e2e::Background watch(debugger(at + "/watch") + " 2>&1");
  cr_assert(watch.wait_for("watching"), "%s", watch.out().c_str());
  const auto run = shell("./pl-run --shadow --memory 32M --shadow-at=call " + program("shadow-traces"), {.seconds = 200});
  cr_assert_eq(run.status, 0, "%s%s%s", run.out.c_str(), run.err.c_str(), watch.out().c_str());
  cr_assert(watch.wait_for("saved"), "%s", watch.out().c_str());
  scratch.write("after.gdb", target + save + "after\"\ndetach\n");
  const auto after_the_run = shell(debugger(at + "/after.gdb"));
  cr_assert_eq(after_the_run.status, 0, "%s", after_the_run.err.c_str());
  shell("build/bin/pl-machine stop");

  const std::string seed = content(at + "/seed"), key = content(at + "/key"), ready = content(at + "/ready");
  cr_assert_eq(seed.size(), 64);
  cr_assert_eq(key.size(), 32);
  {
    const std::string before = content(at + "/before");
    cr_assert_neq(before.find(key), before.npos, "the search finds what is there");
    if (ready.size() >= 8) cr_expect_neq(before.find(ready), before.npos);
  }
  // What earlier and deeper calls left on the kernel's stack, but for the last of the freeze's own.
  const std::string stack = content(at + "/stack");
  cr_assert_gt(stack.size(), 512);
  cr_expect_eq(stack.find_first_not_of('\0'), stack.npos, "the kernel's stack is not zero below its use");
  const std::string after = content(at + "/after");
  for (auto& [name, secret] : {std::pair("the seed", seed.substr(0, 32)), std::pair("the key", key), std::pair("bytes that were ready", ready)})
    if (secret.size() >= 8) cr_expect_eq(after.find(secret), after.npos, "%s of before the freeze is at 0x%zx of memory", name, after.find(secret));
  for (int which = 0; which < TRACES; ++which) {
    char text[TRACE_BYTES + 1];
    make_trace(trace(which), text);
    const size_t found = after.find(std::string_view(text, 16));
    if (which == TRACE_KEPT) cr_expect_neq(found, after.npos, "the search finds what is there");
    else cr_expect_eq(found, after.npos, "%s is at 0x%zx of memory", trace_name(trace(which)), found);
  }
}
