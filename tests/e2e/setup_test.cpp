// SPDX-License-Identifier: BSD-2-Clause
// Set-up: what was killed half-way is carried on, and what is damaged is not used.
#include <criterion/criterion.h>

#include "command.h"

using e2e::shell;

static std::string fetch(const e2e::Scratch& scratch) { return "PL_CACHE=" + scratch.path() + "/cache cmake/fetch.sh musl-1.2.5"; }

Test(setup, a_fetch_that_was_killed_is_carried_on, .timeout = 300) {
  e2e::Scratch scratch;
  for (const char* after : {"0.2", "1", "2"}) shell("timeout -s KILL " + std::string(after) + " env " + fetch(scratch));
  auto fetched = shell(fetch(scratch), {.seconds = 200});
  cr_assert_eq(fetched.status, 0, "%s%s", fetched.out.c_str(), fetched.err.c_str());
  cr_expect_eq(shell("test -f " + scratch.path() + "/cache/src/musl-1.2.5/src/malloc/calloc.c").status, 0);
  auto leftovers = shell("find " + scratch.path() + "/cache/src -mindepth 1 -maxdepth 1 | wc -l");
  EXPECT_TEXT(leftovers.out, "1\n");
}

Test(setup, an_archive_that_is_not_the_pinned_one_is_fetched_again, .timeout = 300) {
  e2e::Scratch scratch;
  cr_assert_eq(shell(fetch(scratch), {.seconds = 200}).status, 0);
  // The unpacked tree goes, and the archive changes: it is fetched again, never unpacked as it is.
  shell("rm -rf " + scratch.path() + "/cache/src; for f in " + scratch.path() + "/cache/archives/*; do printf x >> $f; done");
  auto again = shell(fetch(scratch), {.seconds = 200});
  cr_assert_eq(again.status, 0, "%s", again.err.c_str());
  bool whole = shell("test -f " + scratch.path() + "/cache/src/musl-1.2.5/src/malloc/calloc.c").status == 0;
  cr_expect(whole);
  auto digests = shell("cd " + scratch.path() + "/cache/archives && for f in *; do test \"$(sha256sum < $f | cut -d' ' -f1)\" = $f || echo $f; done");
  EXPECT_TEXT(digests.out, "");
}

Test(setup, a_pinned_file_is_fetched_without_package_lists, .timeout = 300) {
  e2e::Scratch scratch;
  auto configuration = scratch.write("apt.conf", "Dir::State::Lists \"" + scratch.path() + "/none\";\n");
  auto fetched = shell("APT_CONFIG=" + configuration + " " + fetch(scratch), {.seconds = 200});
  cr_assert_eq(fetched.status, 0, "%s%s", fetched.out.c_str(), fetched.err.c_str());
}

Test(setup, with_nothing_to_do_a_run_builds_nothing) {
  shell("./pl-run --shadow hello", {.seconds = 110});
  auto before = shell("find build -newer build/bin/pl-run -type f -name '*.o' | wc -l; stat -c %Y build/machine/initramfs.cpio build/bin/pl-run");
  auto run = shell("./pl-run --shadow hello");
  EXPECT_TEXT(e2e::without_pool(run.err), "");
  auto after = shell("find build -newer build/bin/pl-run -type f -name '*.o' | wc -l; stat -c %Y build/machine/initramfs.cpio build/bin/pl-run");
  EXPECT_TEXT(after.out, before.out);
}
