// SPDX-License-Identifier: BSD-2-Clause
// -v shows a host directory, and only that.
#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

using e2e::shell;

static std::string cat(const std::string& options, const std::string& file) {
  return "./pl-run --shadow " + options + " " + e2e::program("cat") + " " + file;
}

Test(volume, a_bound_directory_is_seen_and_written) {
  e2e::Scratch scratch;
  scratch.write("in", "from the host\n");
  auto read = shell(cat("-v " + scratch.path() + ":/data", "/data/in"));
  cr_expect_str_eq(read.out.c_str(), "from the host\n", "%s", read.err.c_str());
  auto write = shell("./pl-run --shadow -v " + scratch.path() + ":/data " + e2e::program("write-file") + " /data/out 'from inside'");
  cr_expect_eq(write.status, 0, "%s", write.err.c_str());
  EXPECT_TEXT(shell("cat " + scratch.path() + "/out").out, "from inside");
}

Test(volume, a_read_only_one_is_not_written) {
  e2e::Scratch scratch;
  auto write = shell("./pl-run --shadow -v " + scratch.path() + ":/data:ro " + e2e::program("write-file") + " /data/out x");
  cr_expect_eq(write.status, 30, "EROFS is the program's status: %d %s", write.status, write.err.c_str());
  cr_expect_neq(access((scratch.path() + "/out").c_str(), F_OK), 0);
}

Test(volume, nothing_else_of_the_host_is_there) {
  e2e::Scratch scratch;
  scratch.write("secret", "host only\n");
  scratch.write("shown/file", "x");
  cr_assert_eq(symlink("../secret", (scratch.path() + "/shown/link").c_str()), 0);
  cr_assert_eq(symlink((scratch.path() + "/secret").c_str(), (scratch.path() + "/shown/absolute").c_str()), 0);
  for (std::string file : {scratch.path() + "/secret", std::string("/etc/shadow"), std::string("/data/../secret"), std::string("/data/link"),
                           std::string("/data/absolute"), std::string("/host/etc/passwd")}) {
    auto result = shell(cat("-v " + scratch.path() + "/shown:/data", file));
    cr_expect_neq(result.status, 0, "%s", file.c_str());
    cr_expect(result.out.find("host only") == std::string::npos, "%s", file.c_str());
  }
}

// The host may say that a file is root's and set-user-ID: a program that is not root does not become so by it.
Test(volume, a_program_of_it_is_no_more_than_its_caller) {
  e2e::Scratch scratch;
  const std::string there = scratch.path() + "/cat", options = "-u 1000:1000 -v " + scratch.path() + ":/data ";
  cr_assert_eq(shell("chmod 755 " + scratch.path() + " && cp " + e2e::program("cat") + " " + there + " && chmod 6755 " + there).status, 0);
  auto direct = shell("./pl-run --shadow " + options + PL_BUSYBOX " sh -c '/data/cat /proc/self/status | grep [UG]id: | xargs; grep /data /proc/mounts | cut -d\" \" -f4'");
  EXPECT_TEXT(direct.out, "Uid: 1000 1000 1000 1000 Gid: 1000 1000 1000 1000\nrw,nosuid\n");
}

Test(volume, a_missing_or_malformed_one_is_our_own_failure) {
  for (const char* bind : {"/no/such/place:/data", "/tmp", "/tmp:relative", ":", "/tmp:/data:rx"}) {
    auto result = shell(std::string("./pl-run --shadow -v ") + bind + " hello");
    cr_expect_eq(result.status, 125, "%s: %d %s", bind, result.status, result.err.c_str());
  }
}
