// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <fmt/format.h>

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

// What the enclave copied out, as an account has it.
template <class... N>
static std::string words(N... numbers) {
  std::string text;
  for (uint64_t number : {uint64_t(numbers)...})
    for (int i = 0; i < 8; ++i) text += fmt::format("{:02x}", number >> 8 * i & 0xff);
  return text;
}

Test(strace, structures_are_shown_by_content) {
  auto line = [](std::string before, std::string after) { return shown({before.c_str(), after.c_str()}); };
  expect_text(line("strace> 2 50 3 7f00 0 0 0 0", "strace< 2 50 0 1=" + words(1, 2, uint64_t(1) << 32 | 0100644, 0, 0, 0, 1234, 4096)),
              "fstat(3, {st_mode=S_IFREG|0644, st_size=1234, ...}) = 0\n");
  expect_text(line("strace> 2 50 0 7f00 0 0 0 0", "strace< 2 50 0 1=" + words(1, 2, uint64_t(1) << 32 | 020620, 0, 0x8801, 0, 0, 0)),
              "fstat(0, {st_mode=S_IFCHR|0620, st_rdev=makedev(0x88, 0x1), ...}) = 0\n");
  expect_text(line("strace> 2 71 1 7f00 0 0 0 0", "strace< 2 71 0 1=" + words(5, 17)), "clock_gettime(CLOCK_MONOTONIC, {tv_sec=5, tv_nsec=17}) = 0\n");
  expect_text(line("strace> 2 86 2 7f00 0 8 0 0 1=" + words(1, 0x10000000, 0x4002), "strace< 2 86 0"),
              "rt_sigaction(SIGINT, {sa_handler=SIG_IGN, sa_mask=[INT TERM], sa_flags=SA_RESTART}, NULL, 8) = 0\n");
  expect_text(line("strace> 2 87 2 7f00 0 8 0 0 1=" + words(~uint64_t(0x80000000)), "strace< 2 87 0"), "rt_sigprocmask(SIG_SETMASK, ~[RTMIN], NULL, 8) = 0\n");
  expect_text(line("strace> 2 105 0 3 0 7f00 0 0", "strace< 2 105 0 3=" + words(8192 * 1024, ~uint64_t(0))),
              "prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0\n");
  expect_text(line("strace> 2 104 ffffffffffffffff 7f00 0 0 0 0", "strace< 2 104 5 1=00030000"), "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 5\n");
  expect_text(line("strace> 2 3b 7f00 0 0 0 0 0", "strace< 2 3b 0 0=0300000004000000"), "pipe2([3, 4], 0)                        = 0\n");
  expect_text(line("strace> 2 cb 3 7f00 10 0 0 0 1=020000507f0000010000000000000000", "strace< 2 cb 0"),
              "connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = 0\n");
  expect_text(line("strace> 2 c8 3 7f00 8 0 0 0 1=01002f746d702f78", "strace< 2 c8 0"), "bind(3, {sa_family=AF_UNIX, sun_path=\"/tmp/x\"}, 8) = 0\n");
  expect_text(line("strace> 2 ca 3 7f00 7f80 0 0 0 2=80000000", "strace< 2 ca 4 1=01002f 2=02000000"), "accept(3, {sa_family=AF_UNIX, sun_path=\"/\"}, [128 => 2]) = 4\n");
  expect_text(line("strace> 2 49 7f00 1 7f80 0 8 0 0=0300000001000000 2=" + words(1, 0), "strace< 2 49 1 0=0300000001000100"),
              "ppoll([{fd=3, events=POLLIN}], 1, {tv_sec=1, tv_nsec=0}, NULL, 8) = 1 ([{fd=3, revents=POLLIN}])\n");
  expect_text(line("strace> 2 15 3 1 4 7f00 0 0 3=" + words(1, 4), "strace< 2 15 0"), "epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN, data={u32=4, u64=4}}) = 0\n");
  expect_text(line("strace> 2 1d 1 5413 7f00 0 0 0", "strace< 2 1d 0 2=1800500000000000"), "ioctl(1, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0\n");
  expect_text(line("strace> 2 62 7f00 81 1 0 0 0", "strace< 2 62 0").substr(0, 40), "futex(0x7f00, FUTEX_WAKE_PRIVATE, 1, 0, ");
}

Test(strace, a_structure_that_was_not_filled_is_an_address) {
  expect_text(shown({"strace> 2 50 3 7f00 0 0 0 0", "strace< 2 50 fffffffffffffff7"}), "fstat(3, 0x7f00)                        = -1 EBADF (Bad file descriptor)\n");
  expect_text(shown({"strace> 2 50 3 7f00 0 0 0 0", "strace< 2 50 0 1=zz"}), "fstat(3, 0x7f00)                        = 0\n");
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
              "[pid     2] <... read resumed>\"x\", 1)               = 1\n");
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
