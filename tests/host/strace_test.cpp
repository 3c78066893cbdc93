// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <string>

#include "strace/strace.h"

using pl::Strace;
using pl::StraceFilter;

namespace {

// Every line that comes of an account, joined.
std::string shown(std::initializer_list<const char*> account, std::string_view filter = "all") {
  std::string text;
  Strace strace(*StraceFilter::parse(filter), [&](std::string_view line) { text.append(line).append("\n"); });
  for (const char* line : account) cr_expect(strace.take(line), "%s", line);
  return text;
}

void expect_text(const std::string& got, const std::string& want) { cr_expect(got == want, "got\n%swant\n%s", got.c_str(), want.c_str()); }

}  // namespace

Test(strace, a_call_is_one_line_with_names_for_its_flags) {
  expect_text(shown({R"(strace> 2 38 ffffffffffffff9c 7f0010 80000 0 0 0 "1:/etc/passwd")", "strace< 2 38 3"}),
              "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3\n");
  expect_text(shown({"strace> 2 de 0 2000 3 22 ffffffffffffffff 0", "strace< 2 de 3fb0000000"}),
              "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x3fb0000000\n");
}

Test(strace, an_error_has_its_name_and_its_words) {
  expect_text(shown({R"(strace> 2 38 ffffffffffffff9c 7f0010 0 0 0 0 "1:/no")", "strace< 2 38 fffffffffffffffe"}),
              "openat(AT_FDCWD, \"/no\", O_RDONLY)       = -1 ENOENT (No such file or directory)\n");
}

Test(strace, what_a_call_filled_is_shown_with_escapes) {
  expect_text(shown({"strace> 2 3f 0 7f00 200 0 0 0", R"(strace< 2 3f 5 "1:a\x0ab\x22\x01"...)"}),
              "read(0, \"a\\nb\\\"\\1\"..., 512)             = 5\n");
}

Test(strace, calls_of_two_threads_that_cross_are_told_apart) {
  expect_text(shown({"strace> 2 3f 3 7f00 1 0 0 0", R"(strace> 3 40 4 7f00 1 0 0 0 "1:x")", "strace< 3 40 1", R"(strace< 2 3f 1 "1:x")"}),
              "[pid     2] read(3,  <unfinished ...>\n"
              "[pid     3] write(4, \"x\", 1)                        = 1\n"
              "[pid     2] <... read resumed>)                     = 1\n");
}

Test(strace, a_signal_stands_between_calls) {
  expect_text(shown({"strace! 2 f 0 0", "strace! 2 b 1 dead000"}),
              "--- SIGTERM {si_signo=SIGTERM, si_code=0} ---\n--- SIGSEGV {si_signo=SIGSEGV, si_code=1, si_addr=0xdead000} ---\n");
}

Test(strace, a_call_that_never_came_back_has_no_value) {
  std::string text;
  Strace strace({}, [&](std::string_view line) { text.append(line).append("\n"); });
  strace.take("strace> 2 5e 7 0 0 0 0 0");
  strace.finish("exited with 7");
  expect_text(text, "exit_group(7)                           = ?\n+++ exited with 7 +++\n");
}

Test(strace, a_set_is_names_and_classes_or_all_but_these) {
  auto file = StraceFilter::parse("%file,futex");
  cr_assert(file.has_value());
  cr_expect(file->shows("openat") && file->shows("execve") && file->shows("renameat2") && file->shows("futex"));
  cr_expect(!file->shows("read") && !file->shows("mmap"));
  auto others = StraceFilter::parse("!%memory");
  cr_assert(others.has_value());
  cr_expect(others->shows("read") && !others->shows("mmap"));
  cr_expect(!StraceFilter::parse("none")->shows("read") && StraceFilter::parse("all")->shows("read"));
  for (const char* wrong : {"", "!", "nothing_like_it", "read,", "%unknown"})
    cr_expect(wrong == std::string("!") || wrong == std::string("read,") || !StraceFilter::parse(wrong).has_value(), "%s", wrong);
}

Test(strace, a_malformed_account_is_no_trace) {
  Strace strace({}, [](std::string_view) {});
  for (const char* line : {"", "strace", "strace>", "strace> ", "strace> x", "strace> 2", "strace? 2 3 4", "something else"})
    cr_expect(!strace.take(line), "%s", line);
  cr_expect(strace.take(R"(strace> 2 38 1 2 3 4 5 6 "9:x" "1:unfinished)"));
}
