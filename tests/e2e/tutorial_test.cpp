// SPDX-License-Identifier: BSD-2-Clause
// The shadow tutorial as its reader types it, and the API behind it.
#include <criterion/criterion.h>

#include "command.h"

using e2e::shell;

namespace {

// What a host program could leak, as one line.
std::string counts() {
  return shell("build/bin/pl-machine status --json | grep -E '\"(enclaves|templates|pool_free)\"' | tr -d ' \\n'").out;
}

unsigned times(const std::string& text, const std::string& what) {
  unsigned n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

Test(tutorial, runs_as_it_is_typed_and_leaves_nothing, .timeout = 300) {
  e2e::OwnMachine machine;
  shell("build/bin/pl-machine start");
  const std::string before = counts();
  auto result = shell("build/bin/pl-machine shell", {.input = "cd /usr/lib/penglai/fork-host\nsh install.sh; ./fork-host hello-world 4\necho status $?\n"});
  cr_expect(result.out.find("status 0") != std::string::npos, "%s%s", result.out.c_str(), result.err.c_str());
  for (const char* number : {"0", "1", "2", "3"}) {
    const std::string n = number;
    cr_expect_eq(times(result.out, "Hello world from instance-" + n + ": asked \"question " + n + "\""), 1u, "%s", result.out.c_str());
    cr_expect_eq(times(result.out, "host: instance " + n + " handed the page back: \"answer " + n + "\""), 1u);
    cr_expect_eq(times(result.out, "instance-" + n + ": the host says \"thanks " + n + "\""), 1u);
    cr_expect_eq(times(result.out, "host: instance " + n + " left 10" + n + " in the shared memory"), 1u);
  }
  cr_expect_eq(times(result.out, "both its own"), 4u);
  cr_expect_eq(times(result.out, "unsigned: no device identity yet"), 4u);
  cr_expect_eq(times(result.out, "host: shadow 0x"), 2u);
  EXPECT_TEXT(counts(), before);
}

Test(tutorial, the_api_does_what_its_header_says_and_leaves_nothing, .timeout = 300) {
  e2e::OwnMachine machine;
  shell("build/bin/pl-machine start");
  const std::string before = counts();
  auto result = shell("build/bin/pl-machine run -- /host" PL_TOP "/build/tests/enclave-api /host" PL_PROGRAMS "/companion");
  cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
  cr_expect(result.out.find("enclave-api: 0 failures") != std::string::npos);
  EXPECT_TEXT(counts(), before);
}

Test(tutorial, a_wrong_command_line_or_program_is_a_clear_error, .timeout = 120) {
  auto usage = shell("build/bin/pl-machine run -- /usr/lib/penglai/fork-host/fork-host");
  cr_expect_eq(usage.status, 2);
  cr_expect(usage.err.find("usage: fork-host PROGRAM [INSTANCES]") != std::string::npos, "%s", usage.err.c_str());
  auto text = shell("build/bin/pl-machine run -- /usr/lib/penglai/fork-host/fork-host /etc/passwd");
  cr_expect_eq(text.status, 1);
  cr_expect(text.err.find("not a static riscv64 program") != std::string::npos, "%s", text.err.c_str());
}

// A C++ program has its own copy of the run-time library, and its own exceptions.
Test(tutorial, a_host_program_may_be_cpp_too, .timeout = 300) {
  e2e::Scratch scratch;
  const std::string source = scratch.write("host.cpp",
      "#include <penglai-enclave.h>\n#include <iostream>\n#include <stdexcept>\n"
      "int main() { try { PLenclave e; if (PLenclave_init(&e)) throw std::runtime_error(\"init\"); PLenclave_destruct(&e);\n"
      "throw std::runtime_error(\"caught\"); } catch (std::exception& x) { std::cout << x.what() << '\\n'; } }\n");
  auto built = shell("build/bin/pl-c++ -O2 " + source + " -o " + scratch.path() + "/host -lpenglai-enclave-host -lpthread -static");
  cr_assert_eq(built.status, 0, "%s", built.err.c_str());
  EXPECT_TEXT(shell("build/bin/pl-machine run -- /host" + scratch.path() + "/host").out, "caught\n");
}
