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
  expect_text(line("strace> 2 15 3 1 4 7f00 0 0 3=" + words(1, 4), "strace< 2 15 0"), "epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN, data=0x4}) = 0\n");
  expect_text(line("strace> 2 1d 1 5413 7f00 0 0 0", "strace< 2 1d 0 2=1800500000000000"), "ioctl(1, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0\n");
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
              "strace: Process 3 attached\n"
              "[pid     2] read(3,  <unfinished ...>\n"
              "[pid     3] write(4, \"x\", 1)            = 1\n"
              "[pid     2] <... read resumed>\"x\", 1)   = 1\n");
}

Test(strace, a_signal_stands_between_calls) {
  auto signal = [](std::string number, std::string bytes) { return shown({("strace! 2 " + number + "=" + bytes).c_str()}); };
  auto pair = [](uint64_t low, uint64_t high) { return low | high << 32; };
  const uint64_t sender = pair(7, 1000), minus = 0xffffffff;
  expect_text(signal("f", words(15, 0, sender)), "--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=7, si_uid=1000} ---\n");
  expect_text(signal("2", words(2, 0x80, 0)), "--- SIGINT {si_signo=SIGINT, si_code=SI_KERNEL} ---\n");
  expect_text(signal("b", words(11, 1, 0xdead000)), "--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0xdead000} ---\n");
  expect_text(signal("a", words(10, minus, sender, 7)), "--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=7, si_uid=1000, si_int=7, si_ptr=0x7} ---\n");
  expect_text(signal("11", words(17, 1, sender, 3, 4, 5)),
              "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=7, si_uid=1000, si_status=3, si_utime=4, si_stime=5} ---\n");
  expect_text(signal("11", words(17, 2, sender, 9, 0, 0)),
              "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=7, si_uid=1000, si_status=SIGKILL, si_utime=0, si_stime=0} ---\n");
}

// What real strace 6.1 printed of the same calls, with other addresses.
Test(strace, what_pointers_within_structures_point_to_is_shown_by_content) {
  auto lines = [](std::initializer_list<std::string> account) {
    std::string text;
    Strace strace({}, [&](std::string_view line) { text.append(line).append("\n"); });
    for (const std::string& line : account) cr_expect(strace.take(line), "%s", line.c_str());
    return text;
  };
  auto memory = [](std::string address, std::string bytes) { return "strace@ 2 " + address + "=" + bytes; };
  const std::string hello = memory("100", "68656c6c6f"), world = memory("200", "776f726c64210a"), vectors = words(0x100, 5, 0x200, 7);
  expect_text(lines({memory("7f00", vectors), hello, world, "strace> 2 42 3 7f00 2 0 0 0", memory("7f00", vectors), "strace< 2 42 c"}),
              "writev(3, [{iov_base=\"hello\", iov_len=5}, {iov_base=\"world!\\n\", iov_len=7}], 2) = 12\n");
  const std::string room = memory("7f00", words(0x100, 4, 0x200, 40, 0x300, 5));
  expect_text(lines({room, "strace> 2 41 4 7f00 3 0 0 0", room, memory("100", "68656c6c"), memory("200", "6f776f726c64210a"), "strace< 2 41 c"}),
              "readv(4, [{iov_base=\"hell\", iov_len=4}, {iov_base=\"oworld!\\n\", iov_len=40}, {iov_base=\"\", iov_len=5}], 3) = 12\n");
  expect_text(lines({room, "strace> 2 41 63 7f00 3 0 0 0", "strace< 2 41 fffffffffffffff7"}),
              "readv(99, [{iov_base=0x100, iov_len=4}, {iov_base=0x200, iov_len=40}, {iov_base=0x300, iov_len=5}], 3) = -1 EBADF (Bad file descriptor)\n");
  const std::string header = memory("7f00", words(0, 0, 0x400, 1, 0x500, 24, 0)), array = memory("400", words(0x100, 5));
  const std::string rights = memory("500", words(24, 1 | uint64_t(1) << 32, uint64_t(1) << 32));
  expect_text(lines({header, array, hello, rights, "strace> 2 d3 3 7f00 4000 0 0 0", "strace< 2 d3 5"}),
              "sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"hello\", iov_len=5}], msg_iovlen=1, msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, "
              "cmsg_type=SCM_RIGHTS, cmsg_data=[0, 1]}], msg_controllen=24, msg_flags=0}, MSG_NOSIGNAL) = 5\n");
  const std::string credentials = memory("500", words(28, 1 | uint64_t(2) << 32, 7 | uint64_t(1000) << 32, 1000));
  expect_text(lines({memory("7f00", words(0x600, 110, 0x400, 1, 0x500, 200, 0)), "strace> 2 d4 3 7f00 0 0 0 0", memory("7f00", words(0x600, 2, 0x400, 1, 0x500, 32, 0x40)), array,
                     hello, memory("600", "0100"), credentials, "strace< 2 d4 5"}),
              "recvmsg(3, {msg_name={sa_family=AF_UNIX}, msg_namelen=110 => 2, msg_iov=[{iov_base=\"hello\", iov_len=5}], msg_iovlen=1, msg_control=[{cmsg_len=28, "
              "cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, cmsg_data={pid=7, uid=1000, gid=1000}}], msg_controllen=32, msg_flags=MSG_DONTWAIT}, 0) = 5\n");
  expect_text(lines({header, "strace> 2 d4 3 7f00 40 0 0 0", "strace< 2 d4 fffffffffffffff5"}),
              "recvmsg(3, {msg_namelen=0}, MSG_DONTWAIT) = -1 EAGAIN (Resource temporarily unavailable)\n");
  expect_text(lines({memory("7f00", words(0x100, 0x200, 0)), memory("100", "736800"), memory("200", "2d6300"), R"(strace> 2 dd 90 7f00 7f80 0 0 0 "0:/bin/sh" 2#c)",
                     "strace< 2 dd fffffffffffffffe"}),
              "execve(\"/bin/sh\", [\"sh\", \"-c\"], 0x7f80 /* 12 vars */) = -1 ENOENT (No such file or directory)\n");
  expect_text(lines({"strace> 2 3d 7 7f00 8000 0 0 0", "strace< 2 3d 1b0 1#f"}), "getdents64(7, 0x7f00 /* 15 entries */, 32768) = 432\n");
  expect_text(lines({memory("900", words(512)), "strace> 2 48 5 7f00 7f08 0 7f10 7f20 1=" + words(24) + " 2=" + words(24) + " 4=" + words(0, 1000000) + " 5=" + words(0x900, 8),
                     "strace< 2 48 2 1=" + words(0) + " 2=" + words(24) + " 4=" + words(0, 999040)}),
              "pselect6(5, [3 4], [3 4], NULL, {tv_sec=0, tv_nsec=1000000}, {sigmask=[USR1], sigsetsize=8}) = 2 (out [3 4], left {tv_sec=0, tv_nsec=999040})\n");
  expect_text(lines({"strace> 2 58 ffffffffffffff9c 7f00 7f10 0 0 0 \"1:/x\" 2=" + words(0, 0x3fffffff, 0, 0x3ffffffe), "strace< 2 58 0"}),
              "utimensat(AT_FDCWD, \"/x\", [UTIME_NOW, UTIME_OMIT], 0) = 0\n");
}

Test(strace, clone_and_futex_show_the_arguments_that_they_have) {
  auto line = [](std::string before, std::string after) { return shown({before.c_str(), after.c_str()}); };
  expect_text(line("strace> 2 dc 1200011 0 0 0 7f00 0", "strace< 2 dc 9"), "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f00) = 9\n");
  expect_text(line("strace> 2 dc 380f00 7f00 7f80 7fc0 7f90 0", "strace< 2 dc 9 2=09000000"),
              "clone(child_stack=0x7f00, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_SETTLS|CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID, parent_tid=[9], tls=0x7fc0, "
              "child_tidptr=0x7f90) = 9\n");
  auto futex = [&](std::string values) { return line("strace> 2 62 7f00 " + values, "strace< 2 62 0"); };
  expect_text(futex("81 1 5 6 7"), "futex(0x7f00, FUTEX_WAKE_PRIVATE, 1)    = 0\n");
  expect_text(futex("0 0 0 0 0"), "futex(0x7f00, FUTEX_WAIT, 0, NULL)      = 0\n");
  expect_text(futex("189 0 7f80 0 ffffffff 3=" + words(0, 1000)),
              "futex(0x7f00, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=1000}, FUTEX_BITSET_MATCH_ANY) = 0\n");
  expect_text(futex("a 1 0 0 3"), "futex(0x7f00, FUTEX_WAKE_BITSET, 1, 0x3) = 0\n");
  expect_text(futex("4 1 2 7f04 7"), "futex(0x7f00, FUTEX_CMP_REQUEUE, 1, 2, 0x7f04, 7) = 0\n");
  expect_text(futex("b 1 0 7f04 7"), "futex(0x7f00, FUTEX_WAIT_REQUEUE_PI, 1, NULL, 0x7f04) = 0\n");
  expect_text(futex("7 1 2 7f04 7"), "futex(0x7f00, FUTEX_UNLOCK_PI)          = 0\n");
  expect_text(futex("5 1 2 7f04 14003004"), "futex(0x7f00, FUTEX_WAKE_OP, 1, 2, 0x7f04, FUTEX_OP_ADD<<28|0x3<<12|FUTEX_OP_CMP_GT<<24|0x4) = 0\n");
}

Test(strace, a_hostile_account_of_memory_is_shown_as_far_as_it_goes) {
  for (std::string lie : {"strace@ 2 7f00=", "strace@ 2 7f00=zz", "strace@ 2 ffffffffffffffff=0102", "strace@ 2 7f00=ffffffffffffffff"}) {
    Strace strace({}, [](std::string_view) {});
    for (int i = 0; i < 300; ++i) cr_expect(strace.take(lie));
    for (const char* call : {"42", "41", "d3", "d4", "f3", "10d", "dd", "48"}) {
      strace.take(lie);
      strace.take(fmt::format("strace> 2 {} ffffffffffffffff 7f00 ffffffffffffffff 7f00 7f00 7f00", call));
      strace.take(lie);
      strace.take(fmt::format("strace< 2 {} 7fffffffffffffff", call));
    }
  }
}

Test(strace, a_call_that_never_came_back_has_no_value) {
  std::string text;
  Strace strace({}, [&](std::string_view line) { text.append(line).append("\n"); });
  strace.take("strace> 2 5e 7 0 0 0 0 0");
  strace.finish(7 << 8);
  expect_text(text, "exit_group(7)                           = ?\n+++ exited with 7 +++\n");
}

Test(strace, ends_of_threads_and_processes_are_told_and_who_is_alone_needs_no_number) {
  // 3 is a thread of 2, 4 a child; 3 is in a read that never comes back.
  expect_text(shown({"strace> 2 dc 3d0f00 7f00 0 0 0 0", "strace< 2 dc 3", "strace< 3 dc 0", "strace> 3 3f 0 7f00 1 0 0 0", "strace> 2 dc 11 0 0 0 0 0", "strace< 2 dc 4", "strace< 4 dc 0",
                     "strace> 4 5d 0 0 0 0 0 0", "strace. 4 4 300 1", "strace> 2 5e 7 0 0 0 0 0", "strace. 2 2 700 0", "strace. 3 2 700 1"}, "!clone"),
              "strace: Process 3 attached\n"
              "[pid     3] read(0,  <unfinished ...>\n"
              "strace: Process 4 attached\n"
              "[pid     4] exit(0)                     = ?\n"
              "[pid     4] +++ exited with 3 +++\n"
              "[pid     2] exit_group(7)               = ?\n"
              "[pid     3] <... read resumed> <unfinished ...>) = ?\n"
              "[pid     3] +++ exited with 7 +++\n"
              "+++ exited with 7 +++\n");
  expect_text(shown({"strace. 2 2 8b 1"}), "+++ killed by SIGSEGV (core dumped) +++\n");
  // What the first process leaves behind goes with it.
  std::string text;
  Strace strace(*StraceFilter::parse("all"), [&](std::string_view line) { text.append(line).append("\n"); }, Strace::Whose::Always);
  for (const char* line : {"strace> 2 5e 0 0 0 0 0 0", "strace> 3 62 7f00 80 2 0 0 0", "strace. 2 2 0 1"}) strace.take(line);
  strace.finish(0);
  expect_text(text, "2     exit_group(0 <unfinished ...>\n3     futex(0x7f00, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>\n2     <... exit_group resumed>)         = ?\n"
                    "2     +++ exited with 0 +++\n3     <... futex resumed>)              = ?\n3     +++ killed by SIGKILL +++\n");
}

Test(strace, a_thread_that_executes_a_program_has_its_leaders_number) {
  expect_text(shown({"strace> 2 62 7f00 80 2 0 0 0", R"(strace> 3 dd 7f00 0 0 0 0 0 "0:/bin/x")", "strace. 2 2 0 0", "strace< 2 dd 0"}),
              "strace: Process 3 attached\n"
              "[pid     2] futex(0x7f00, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>\n"
              "[pid     3] execve(\"/bin/x\", NULL, NULL <unfinished ...>\n"
              "[pid     2] <... futex resumed>)        = ?\n"
              "[pid     2] +++ superseded by execve in pid 3 +++\n"
              "<... execve resumed>)                   = 0\n");
}

Test(strace, options_of_prctl_have_arguments_of_their_own) {
  auto line = [](std::string before, std::string after) { return shown({before.c_str(), after.c_str()}); };
  const std::string worker = " 1=" + words(0x72656b726f77, 0), longer = " 1=" + words(0x3736353433323130, 0x6665646362613938);
  expect_text(line("strace> 2 a7 f 7f00 0 0 0 0" + worker, "strace< 2 a7 0" + worker), "prctl(PR_SET_NAME, \"worker\")            = 0\n");
  expect_text(line("strace> 2 a7 f 7f00 0 0 0 0" + longer, "strace< 2 a7 0"), "prctl(PR_SET_NAME, \"0123456789abcde\"...) = 0\n");
  expect_text(line("strace> 2 a7 10 7f00 0 0 0 0" + longer, "strace< 2 a7 0" + worker), "prctl(PR_GET_NAME, \"worker\")            = 0\n");
  expect_text(line("strace> 2 a7 1 f 0 0 0 0", "strace< 2 a7 0"), "prctl(PR_SET_PDEATHSIG, SIGTERM)        = 0\n");
  expect_text(line("strace> 2 a7 2 7f00 0 0 0 0", "strace< 2 a7 0 1=0f000000"), "prctl(PR_GET_PDEATHSIG, [SIGTERM])      = 0\n");
  expect_text(line("strace> 2 a7 25 7f00 0 0 0 0", "strace< 2 a7 0 1=01000000ffffffff"), "prctl(PR_GET_CHILD_SUBREAPER, [1])      = 0\n");
  expect_text(line("strace> 2 a7 26 1 0 0 0 0", "strace< 2 a7 0"), "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)  = 0\n");
  expect_text(line("strace> 2 a7 3 9 9 9 9 0", "strace< 2 a7 1"), "prctl(PR_GET_DUMPABLE)                  = 1 (SUID_DUMP_USER)\n");
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
