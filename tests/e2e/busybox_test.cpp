// SPDX-License-Identifier: BSD-2-Clause
// Debian's own busybox-static for riscv64, unmodified, under --shadow.
#include <criterion/criterion.h>

#include <cstdlib>

#include "command.h"

using e2e::shell;

static std::string busybox(const std::string& options, const std::string& command) {
  return "./pl-run --shadow " + options + " " PL_BUSYBOX " " + command;
}

// A tree of a thousand files, made by a fixed rule.
static void make_tree(const std::string& top) {
  shell("mkdir -p " + top + " && cd " + top +
        " && for d in $(seq 15); do mkdir -p dir$d/deep/er; for f in $(seq 60); do echo \"line $d $f needle$((f % 7))\" > dir$d/file$f; done; "
        "seq $((d * 100)) > dir$d/deep/er/numbers; ln -s ../file1 dir$d/deep/link; done; chmod 600 dir1/file1; chmod 755 dir2/file2");
}

Test(busybox, sha256sum_of_a_bound_hundred_megabytes_equals_the_hosts, .timeout = 600) {
  e2e::Scratch scratch;
  shell("head -c 104857600 /dev/urandom > " + scratch.path() + "/data");
  std::string host = shell("sha256sum < " + scratch.path() + "/data", {}).out.substr(0, 64);
  auto result = shell(busybox("-v " + scratch.path() + ":/data:ro", "sha256sum /data/data"), {.seconds = 500});
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  cr_expect(result.out.substr(0, 64) == host, "%s instead of %s", result.out.c_str(), host.c_str());
}

Test(busybox, a_pipeline_prints_the_right_lines_and_exits_7, .timeout = 300) {
  auto result = shell(busybox("", "sh -c 'seq 100000 | sort -rn | head -3; exit 7'"));
  cr_expect_eq(result.status, 7, "%d %s", result.status, result.err.c_str());
  cr_expect_str_eq(result.out.c_str(), "100000\n99999\n99998\n");
}

Test(busybox, tar_of_a_bound_tree_unpacks_to_the_same_tree, .timeout = 600) {
  e2e::Scratch scratch;
  make_tree(scratch.path() + "/tree");
  auto result = shell(busybox("-v " + scratch.path() + "/tree:/tree:ro", "tar -C / -cf - tree") + " | tar -C " + scratch.path() + " --transform 's/^tree/copy/;' -xf - ; diff -r --no-dereference " +
                          scratch.path() + "/tree " + scratch.path() + "/copy && find " + scratch.path() + "/copy -type f | wc -l", {.seconds = 500});
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  cr_expect_eq(std::atoi(result.out.c_str()), 15 * 61, "%s", result.out.c_str());
  EXPECT_TEXT(shell("stat -c %a " + scratch.path() + "/copy/dir1/file1 " + scratch.path() + "/copy/dir2/file2").out, "600\n755\n");
}

Test(busybox, grep_and_find_over_a_bound_tree_answer_as_on_the_host, .timeout = 600) {
  e2e::Scratch scratch;
  make_tree(scratch.path() + "/tree");
  std::string bind = "-v " + scratch.path() + "/tree:/tree:ro";
  auto grep = shell(busybox(bind, "grep -r needle3 /tree") + " | wc -l", {.seconds = 300});
  EXPECT_TEXT(grep.out, shell("grep -r needle3 " + scratch.path() + "/tree | wc -l").out);
  auto find = shell(busybox(bind, "find /tree -name 'file1*' -type f") + " | sort", {.seconds = 300});
  std::string host = shell("cd " + scratch.path() + " && find tree -name 'file1*' -type f | sed 's|^|/|' | sort").out;
  cr_expect_str_eq(find.out.c_str(), host.c_str(), "%s", find.err.c_str());
}

Test(busybox, gzip_and_gunzip_give_back_what_went_in, .timeout = 300) {
  auto result = shell(busybox("-v " PL_TOP ":/tree:ro", "sh -c 'cat /tree/README.md | gzip | gunzip'") + " | cmp - README.md");
  cr_expect_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
}
