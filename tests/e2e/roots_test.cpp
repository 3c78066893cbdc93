// SPDX-License-Identifier: BSD-2-Clause
// Programs with their libraries, and root images: as a user makes and runs them.
#include <criterion/criterion.h>
#include <sys/stat.h>

#include <cstdlib>

#include "command.h"

using e2e::shell;

static const std::string Image = PL_TOP "/build/bin/pl-image";

static const char* const Greeting =
    "#include <stdio.h>\n#include <math.h>\n__thread int mine = 3;\n"
    "int main(int argc, char** argv) { printf(\"%s %.1f\\n\", argv[argc - 1], sqrt(argc * 4.0) + mine - 3); return argc; }\n";

static void built(const std::string& command) {
  auto result = shell(command, {.seconds = 100});
  cr_assert_eq(result.status, 0, "%s: %s%s", command.c_str(), result.out.c_str(), result.err.c_str());
}

static void says(const std::string& command, int status, const std::string& out) {
  auto result = shell(command, {.seconds = 300});
  cr_expect_eq(result.status, status, "%s: %d %s%s", command.c_str(), result.status, result.out.c_str(), result.err.c_str());
  EXPECT_TEXT(result.out, out);
}

static void complains(const std::string& command, int status, const std::string& why) {
  auto result = shell(command, {.seconds = 300});
  cr_expect_eq(result.status, status, "%s: %d %s%s", command.c_str(), result.status, result.out.c_str(), result.err.c_str());
  cr_expect(result.err.find(why) != std::string::npos, "%s: %s", command.c_str(), result.err.c_str());
}

// ---- dynamic programs in the small first tree ----

Test(dynamic, programs_of_musl_and_of_glibc_run_with_the_libraries_of_their_sysroots, .timeout = 400) {
  e2e::Scratch scratch;
  scratch.write("greet.c", Greeting);
  built("cd " + scratch.path() + " && " PL_TOP "/build/bin/pl-cc -dynamic -O2 greet.c -o musl -lm && riscv64-linux-gnu-gcc -O2 greet.c -o glibc -lm");
  for (const char* program : {"musl", "glibc"})
    for (const char* how : {"", "--shadow ", "--shadow "}) says(std::string("./pl-run ") + how + scratch.path() + "/" + program + " hi there", 3, "there 3.5\n");
}

Test(dynamic, a_cpp_program_throws_through_shared_libraries, .timeout = 400) {
  e2e::Scratch scratch;
  scratch.write("throw.cpp",
                "#include <iostream>\n#include <stdexcept>\n#include <thread>\n"
                "int deep(int n) { if (n == 0) throw std::runtime_error(\"from below\"); return deep(n - 1) + 1; }\n"
                "int main() { int sum = 0; std::thread([&] { sum = 36; }).join();\n"
                "  try { deep(20); } catch (const std::exception& e) { std::cout << sum << ' ' << e.what() << std::endl; } }\n");
  built("cd " + scratch.path() + " && " PL_TOP "/build/bin/pl-c++ -dynamic -O1 throw.cpp -o musl && riscv64-linux-gnu-g++ -O1 throw.cpp -o glibc -pthread");
  for (const char* program : {"musl", "glibc"}) says("./pl-run --shadow " + scratch.path() + "/" + program, 0, "36 from below\n");
}

Test(dynamic, a_library_that_is_missing_is_named_with_what_to_do, .timeout = 200) {
  e2e::Scratch scratch;
  scratch.write("lib.c", "int seven(void) { return 7; }\n");
  scratch.write("use.c", "int seven(void); int main(void) { return seven(); }\n");
  built("cd " + scratch.path() + " && mkdir lib && C=" PL_TOP "/build/bin/pl-cc && $C -shared -fPIC lib.c -o lib/libseven.so && $C -dynamic use.c -o use -Llib -lseven");
  complains("./pl-run " + scratch.path() + "/use", 126, "libseven.so, which is not below");
  built("cp " + scratch.path() + "/lib/libseven.so " + scratch.path());
  says("./pl-run " + scratch.path() + "/use", 7, "");
}

// ---- root images ----

// A tree with busybox and what dynamic musl programs need.
static std::string small_tree(const e2e::Scratch& scratch) {
  const std::string tree = scratch.path() + "/tree";
  built("mkdir -p " + tree + "/bin " + tree + "/etc " + tree + "/lib && cp " PL_BUSYBOX " " + tree + "/bin/busybox && for a in sh cat ls wc rm mv seq sort head; do ln -s busybox " + tree +
        "/bin/$a; done && cp -L build/sysroot/lib/ld-musl-riscv64.so.1 " + tree + "/lib/ && echo measured > " + tree + "/etc/motd && seq 50000 > " + tree + "/etc/numbers");
  return tree;
}

Test(rootfs, a_directory_is_the_root_and_what_is_written_stays_in_the_instance, .timeout = 500) {
  e2e::Scratch scratch;
  std::string tree = small_tree(scratch), run = "PL_CACHE=" + scratch.path() + "/cache build/bin/pl-run ";
  const char* const job = " sh -c 'cat /etc/motd; echo changed > /etc/motd; mv /etc/numbers /etc/n; wc -l < /etc/n; rm /bin/head; cat /etc/motd; ls /etc; ls /bin | wc -l'";
  const std::string wanted = "measured\n50000\nchanged\nmotd\nn\n9\n";
  for (const char* how : {"", "--shadow ", "--shadow "}) says(run + how + "--rootfs " + tree + job, 0, wanted);
  EXPECT_TEXT(shell("cat " + tree + "/etc/motd; ls " + scratch.path() + "/cache/images | grep -c img").out, "measured\n1\n");
  built("echo other > " + tree + "/etc/motd");
  says(run + "--shadow --rootfs " + tree + " cat /etc/motd", 0, "other\n");
}

Test(rootfs, a_program_is_a_name_a_path_or_a_script_of_the_image, .timeout = 400) {
  e2e::Scratch scratch;
  std::string tree = small_tree(scratch), image = scratch.path() + "/image";
  scratch.write("tree/bin/tell", "#!/bin/sh -e\necho $0 \"$@\"; exit 4\n", 0755);
  built(Image + " build " + tree + " -o " + image);
  const std::string run = "./pl-run --rootfs " + image;
  says(run + " tell a 'b c'", 4, "/bin/tell a b c\n");
  says(run + " /bin/tell x", 4, "/bin/tell x\n");
  complains(run + " nothing", 127, "nothing");
  complains(run + " /etc/motd", 126, "/etc/motd");
  complains(run + " ./tell", 125, "absolute path in the image");
  complains("./pl-run --rootfs " + tree + "/etc/motd ls", 125, "not an EROFS image");
}

Test(rootfs, plugins_are_opened_at_run_time_with_their_own_thread_local_storage, .timeout = 400) {
  e2e::Scratch scratch;
  std::string tree = small_tree(scratch);
  scratch.write("plug.c", "__thread int counter = 40; int bump(int by) { return counter += by; }\n");
  scratch.write("host.c",
                "#include <dlfcn.h>\n#include <pthread.h>\n#include <stdio.h>\nstatic int (*bump)(int);\n"
                "static void* other(void* p) { printf(\"%d\\n\", bump(5)); return p; }\n"
                "int main(void) { void* h = dlopen(\"libplug.so\", RTLD_NOW); if (!h) { puts(dlerror()); return 1; }\n"
                "  bump = (int (*)(int))dlsym(h, \"bump\"); printf(\"%d\\n\", bump(2)); pthread_t t; pthread_create(&t, 0, other, 0); pthread_join(t, 0);\n"
                "  printf(\"%d\\n\", bump(0)); return dlclose(h); }\n");
  built("cd " + scratch.path() + " && C=" PL_TOP "/build/bin/pl-cc && $C -shared -fPIC plug.c -o tree/lib/libplug.so && $C -dynamic host.c -o tree/bin/host");
  says("./pl-run --shadow --rootfs " + tree + " host", 0, "42\n45\n42\n");
}

// security.md, 26
Test(rootfs, a_changed_block_of_an_image_is_an_error_and_a_line_on_standard_error, .timeout = 400) {
  e2e::Scratch scratch;
  std::string tree = small_tree(scratch), image = scratch.path() + "/image";
  built(Image + " build " + tree + " -o " + image);
  says(Image + " verify " + image + " | sed 's/.*: //'", 0, "intact\n");
  // One byte of the file, in the middle of /etc/numbers.
  built("at=$(grep -abom1 '^25000$' " + image + " | cut -d: -f1) && printf X | dd of=" + image + " bs=1 seek=$at conv=notrunc status=none");
  complains(Image + " verify " + image, 1, "is not the one that the hash tree was made of");
  for (const char* how : {"", "--shadow "}) {
    auto result = shell(std::string("./pl-run ") + how + "--rootfs " + image + " sh -c 'cat /etc/motd; cat /etc/numbers >/dev/null || echo refused'");
    EXPECT_TEXT(result.out, "measured\nrefused\n");
    cr_expect(result.err.find("is not the one that was measured") != std::string::npos, "%s", result.err.c_str());
    cr_expect(result.err.find("Input/output error") != std::string::npos, "%s", result.err.c_str());
  }
}

Test(rootfs, starting_from_a_large_image_costs_what_starting_from_a_small_one_costs, .timeout = 900) {
  e2e::Scratch scratch;
  std::string tree = small_tree(scratch);
  // 10 MB, and 300 MB in 3,000 files.
  built("cd " + scratch.path() + " && head -c 8000000 /dev/urandom > tree/fill && " + Image + " build tree -o small && rm tree/fill && mkdir tree/fill &&"
        " head -c 100000 /dev/urandom > piece && for i in $(seq 3000); do cp piece tree/fill/$i; done && " + Image + " build tree -o large && rm -r tree/fill");
  const std::string machine = "PENGLAI_RUNTIME_DIR=" + scratch.path() + "/machine build/bin/pl-machine ";
  built(machine + "start --harts 1 --memory 2G --icount shift=0,sleep=off >/dev/null");
  // From the machine's own memory: what the host takes to answer would be counted as idle instructions. The least of three.
  long counts[2];
  const char* const names[2] = {"small", "large"};
  for (int i = 0; i < 2; ++i) {
    const std::string image = std::string("/tmp/") + names[i];
    built(machine + "run -- /usr/bin/cp /host" + scratch.path() + "/" + names[i] + " " + image);
    counts[i] = 0;
    for (int round = 0; round < 3; ++round) {
      auto result = shell(machine + "run -- /usr/bin/env PENGLAI_ROOT=/ PENGLAI_CWD=/ /host" + e2e::program("count-instructions") +
                          " /usr/bin/pl-run --rootfs " + image + " cat /etc/motd", {.seconds = 200});
      EXPECT_TEXT(result.out, "measured\n");
      const long count = std::atol(result.err.c_str());
      if (!counts[i] || count < counts[i]) counts[i] = count;
    }
  }
  shell(machine + "stop");
  cr_log_info("10 MB: %ld instructions, 300 MB: %ld", counts[0], counts[1]);
  cr_expect_gt(counts[0], 1'000'000);
  cr_expect_lt(counts[1], counts[0] * 1.05, "%ld against %ld instructions", counts[1], counts[0]);
}
