// SPDX-License-Identifier: BSD-2-Clause
// The shadow point `boot`: one template for every program of a root image (libos/shadow/CONTRACT.md, "At boot").
#include <criterion/criterion.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "command.h"

using e2e::shell;

namespace {

const char* const Tell =
    "#include <penglai/shadow.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <sys/auxv.h>\n"
    "int main(int argc, char** argv) { struct pl_shadow_info i; if (pl_shadow_info(&i)) return 1;\n"
    "  printf(\"%s %d %d %d\\n\", i.point, i.fork, i.program_measured, argc);\n"
    "  printf(\"random %016llx%016llx\\n\", ((unsigned long long*)getauxval(AT_RANDOM))[0], ((unsigned long long*)getauxval(AT_RANDOM))[1]);\n"
    "  printf(\"program %p\\nlibrary %p\\nstack %p\\nheap %p\\n\", (void*)main, (void*)puts, (void*)&i, malloc(1));\n"
    "  return argc; }\n";

void built(const std::string& command) {
  auto result = shell(command, {.seconds = 100});
  cr_assert_eq(result.status, 0, "%s: %s%s", command.c_str(), result.out.c_str(), result.err.c_str());
}

// busybox, and a program that tells of itself: static, and dynamic with musl and with glibc.
class Image {
 public:
  Image() {
    const std::string tree = scratch.path() + "/tree";
    scratch.write("tell.c", Tell);
    built("mkdir -p " + tree + "/bin " + tree + "/etc " + tree + "/lib && cp " PL_BUSYBOX " " + tree + "/bin/busybox && cp " + e2e::program("terminal") + " " + tree + "/bin/terminal && for a in sh cat ls id pwd env sleep; do ln -s busybox " +
          tree + "/bin/$a; done && echo measured > " + tree + "/etc/motd && cp -L build/sysroot/lib/ld-musl-riscv64.so.1 " + tree + "/lib/");
    built("cd " + scratch.path() + " && " PL_TOP "/build/bin/pl-cc -O2 tell.c -o tree/bin/tell && " PL_TOP "/build/bin/pl-cc -dynamic -O2 -pie -fPIE tell.c -o tree/bin/tell-musl &&"
          " riscv64-linux-gnu-gcc -O2 -I" PL_TOP "/sysroot/include tell.c -o tree/bin/tell-glibc &&"
          " cp -L /usr/riscv64-linux-gnu/lib/ld-linux-riscv64-lp64d.so.1 /usr/riscv64-linux-gnu/lib/libc.so.6 tree/lib/");
    scratch.write("tree/bin/script", "#!/bin/sh -e\necho $0 \"$@\"; exit 4\n", 0755);
    scratch.write("tree/bin/broken", "#!/bin/nothing\n", 0755);
    scratch.write("tree/bin/text", "no program\n", 0755);
    built("build/bin/pl-image build " + tree + " -o " + path());
  }
  std::string path() const { return scratch.path() + "/image"; }
  std::string run() const { return "./pl-run --shadow --shadow-at=boot --rootfs " + path() + " "; }
  e2e::Scratch scratch;
};

void says(const std::string& command, int status, const std::string& out) {
  auto result = shell(command, {.seconds = 200});
  cr_expect_eq(result.status, status, "%s: %d %s%s", command.c_str(), result.status, result.out.c_str(), result.err.c_str());
  EXPECT_TEXT(result.out, out);
}

// The template of that image, which is made if there is none.
std::string template_of(const std::string& image, const std::string& options = "") {
  const auto id = shell("build/bin/pl-template build --shadow-at=boot " + options + "--rootfs " + image).out;
  return id.substr(0, id.find('\n'));
}

}  // namespace

Test(boot, one_template_serves_every_program_of_an_image_with_whatever_is_asked_of_it, .timeout = 300) {
  Image image;
  const std::string run = image.run();
  const std::string id = template_of(image.path());
  says(run + "cat /etc/motd", 0, "measured\n");
  says(run + "/bin/script a 'b c'", 4, "/bin/script a b c\n");
  says(run + "script", 4, "/bin/script\n");
  says(run + "-u 5:6 -w /etc sh -c 'id; pwd; echo $0 $1' zero one", 0, "uid=5 gid=6\n/etc\nzero one\n");
  says("umask 027 && " + run + "-e A=b sh -c 'echo $A; umask; echo changed > /etc/motd; cat /etc/motd; ls /tmp; echo > /tmp/left; exit 9'", 9, "b\n0027\nchanged\n");
  says("echo piped | " + run + "sh -c 'cat; cat /etc/motd; ls /tmp'", 0, "piped\nmeasured\n");
  for (const char* name : {"tell", "tell-musl", "tell-glibc"}) says(run + name + " x | head -n 1", 0, "boot 1 0 2\n");
  EXPECT_TEXT(template_of(image.path()), id);
  says("build/bin/pl-template inspect " + id + " | grep -E '^(point|forks)'", 0,
       "point        boot: each fork is told its program, which is of the measured image\nforks        9, 0 alive\n");
  says("./pl-run --shadow --rootfs " + image.path() + " tell | head -n 1", 0, "entry 1 1 1\n");
}

Test(boot, what_cannot_be_executed_is_said_as_a_cold_run_says_it, .timeout = 300) {
  Image image;
  for (auto [name, status] : {std::pair("nothing", 127), std::pair("/bin/nothing/at/all", 127), std::pair("/etc/motd", 126), std::pair("/bin", 126), std::pair("broken", 127),
                              std::pair("/bin/text", 126)}) {
    auto cold = shell("./pl-run --rootfs " + image.path() + " " + name), entry = shell("./pl-run --shadow --rootfs " + image.path() + " " + name), fork = shell(image.run() + name);
    cr_expect_eq(cold.status, status, "%s: %d", name, cold.status);
    cr_expect_eq(fork.status, status, "%s: %d", name, fork.status);
    EXPECT_TEXT(e2e::without_pool(fork.err), e2e::without_pool(cold.err));
    EXPECT_TEXT(e2e::without_pool(entry.err), e2e::without_pool(cold.err));
  }
}

Test(boot, every_fork_has_its_own_randomness_and_layout_for_programs_of_either_libc, .timeout = 300) {
  Image image;
  constexpr size_t Forks = 40;
  for (const char* name : {"tell-musl", "tell-glibc"}) {
    auto all = shell(image.run() + "-n " + std::to_string(Forks) + " " + name, {.seconds = 250});
    std::set<std::string> lines;
    std::istringstream text(all.out);
    for (std::string line; std::getline(text, line);) lines.insert(line.substr(line.find("] ") + 2));
    // Places are random in few enough bits that two of forty may be alike.
    for (const char* what : {"random ", "program ", "library ", "stack ", "heap "}) {
      size_t different = 0;
      for (const std::string& line : lines) different += line.starts_with(what);
      cr_expect(different >= (what[0] == 'r' ? Forks : Forks - 2), "%s: %zu of %zu %s", name, different, Forks, what);
    }
  }
}

Test(boot, volumes_detached_instances_deadlines_and_limits_work_as_ever, .timeout = 300) {
  Image image;
  image.scratch.write("shown/file", "of the host\n");
  const std::string run = image.run();
  says(run + "-v " + image.scratch.path() + "/shown:/mnt sh -c 'cat /mnt/file; echo back > /mnt/answer' && cat " + image.scratch.path() + "/shown/answer", 0, "of the host\nback\n");
  cr_expect_eq(shell(run + "--timeout 1s sleep 100").status, 124);
  auto limited = shell(run + "--memory 3m sh -c 'x=x; while :; do x=$x$x; done'");
  cr_expect_eq(limited.status, 137, "%d %s", limited.status, limited.err.c_str());
  says(run + "-d --name of-boot sh -c 'echo later; exit 3' && build/bin/pl-wait of-boot; echo $?; build/bin/pl-logs of-boot; build/bin/pl-rm of-boot >/dev/null", 0, "of-boot\n3\nlater\n");
}

Test(boot, a_thousand_instances_of_one_template_run_eight_at_a_time, .timeout = 300) {
  Image image;
  auto all = shell(image.run() + "-n 1000 -j 8 sh -c 'echo $PENGLAI_INDEX of $PENGLAI_COUNT; cat /etc/motd'", {.seconds = 280});
  cr_expect_eq(all.status, 0, "%s", all.err.c_str());
  std::set<std::string> lines;
  std::istringstream text(all.out);
  for (std::string line; std::getline(text, line);) lines.insert(line);
  cr_expect_eq(lines.size(), 2000u);
  for (int i : {0, 1, 500, 999}) {
    const std::string index = std::to_string(i);
    cr_expect(lines.count("[" + index + "] " + index + " of 1000") && lines.count("[" + index + "] measured"), "%s", index.c_str());
  }
}

Test(boot, a_terminal_is_the_instances, .timeout = 200) {
  Image image;
  auto result = shell("script -qec 'stty rows 33 cols 99; " + image.run() + "-t terminal; echo status $?' /dev/null < /dev/null");
  cr_expect(result.out.find("terminal 33x99") != std::string::npos && result.out.find("status 0") != std::string::npos, "%s%s", result.out.c_str(), result.err.c_str());
  cr_expect_eq(shell(image.run() + "-t terminal < /dev/null").status, 125);
}

// All blocks of the EROFS image but its superblock and the roots of the tree, with which the image is found again.
static void damage(const std::string& path) {
  shell("blocks=$(od -A n -t u4 -j 1060 -N 4 " + path + "); dd if=/dev/zero of=" + path + " bs=4096 seek=1 count=$((blocks - 1)) conv=notrunc status=none");
}

Test(boot, what_the_template_has_read_no_fork_reads_again, .timeout = 300) {
  Image image;
  const std::string other = image.scratch.path() + "/other", run = image.run(), some = "./pl-run --shadow --shadow-at=boot --prefetch /etc --prefetch /bin/cat --rootfs " + other + " ";
  // A small image is read whole.
  says(run + "cat /etc/motd", 0, "measured\n");
  // Of another, what is named. (Its content differs, so that it has a template of its own.)
  image.scratch.write("tree/etc/motd", "of the other\n");
  built("build/bin/pl-image build " + image.scratch.path() + "/tree -o " + other);
  says(some + "cat /etc/motd", 0, "of the other\n");
  const auto inspected = shell("build/bin/pl-template inspect " + template_of(other, "--prefetch /etc --prefetch /bin/cat "));
  cr_expect(inspected.out.find("\nprefetched   /etc\nprefetched   /bin/cat\n") != std::string::npos, "%s%s", inspected.out.c_str(), inspected.err.c_str());
  damage(image.path());
  damage(other);
  says(run + "cat /etc/motd", 0, "measured\n");
  for (const char* name : {"tell", "tell-musl", "tell-glibc"}) says(run + name + " x | head -n 1", 0, "boot 1 0 2\n");
  says(some + "cat /etc/motd", 0, "of the other\n");
  auto unread = shell(some + "tell");
  cr_expect_neq(unread.status, 0);
  cr_expect(unread.err.find("is not the one that was measured") != std::string::npos, "%s", unread.err.c_str());
}

Test(boot, nothing_enters_a_template_that_was_not_measured, .timeout = 200) {
  Image image;
  damage(image.path());
  auto result = shell(image.run() + "cat /etc/motd");
  cr_expect_neq(result.status, 0);
  EXPECT_TEXT(result.out, "");
  cr_expect(result.err.find("is not the one that was measured") != std::string::npos, "%s", result.err.c_str());
}

Test(boot, what_is_prefetched_has_to_be_there, .timeout = 200) {
  Image image;
  auto missing = shell(image.run() + "--prefetch /etc/nothing cat /etc/motd");
  cr_expect_eq(missing.status, 125);
  cr_expect(missing.err.find("prefetch /etc/nothing: not in the root image") != std::string::npos, "%s", missing.err.c_str());
  auto entry = shell("./pl-run --shadow --prefetch /etc --rootfs " + image.path() + " cat /etc/motd");
  EXPECT_TEXT(entry.out, "measured\n");
  for (auto [options, line] : {std::pair("--shadow --prefetch /etc", "--prefetch is for --shadow with --rootfs"), std::pair("--shadow --rootfs /x --prefetch etc", "expected an absolute path")}) {
    auto wrong = shell(std::string("./pl-run ") + options + " cat");
    cr_expect_eq(wrong.status, 125);
    cr_expect(wrong.err.find(line) != std::string::npos, "%s", wrong.err.c_str());
  }
}

Test(boot, it_is_for_root_images_and_says_so, .timeout = 60) {
  auto without = shell("./pl-run --shadow --shadow-at=boot hello");
  cr_expect_eq(without.status, 125);
  cr_expect(without.err.find("name the image with --rootfs") != std::string::npos, "%s", without.err.c_str());
  auto with = shell("build/bin/pl-template build --shadow-at=boot --rootfs /nowhere ls");
  cr_expect_eq(with.status, 2);
  cr_expect(with.err.find("at boot a template has no program") != std::string::npos, "%s", with.err.c_str());
}
