// SPDX-License-Identifier: BSD-2-Clause
// What programs are built with: pl-cc and pl-c++ as drop-in compilers, and the CMake toolchain file.
#include <criterion/criterion.h>

#include "command.h"

using e2e::shell;

static const char* const Greeting =
    "#include <stdio.h>\n#include <math.h>\nint main(int argc, char** argv) { printf(\"%s %.1f\\n\", argv[argc - 1], sqrt(argc * 4.0)); return argc; }\n";

Test(sysroot, a_c_program_is_built_and_run, .timeout = 120) {
  e2e::Scratch scratch;
  scratch.write("greet.c", Greeting);
  auto built = shell("cd " + scratch.path() + " && " PL_TOP "/build/bin/pl-cc -O2 -Wall greet.c -o greet -lm && llvm-readelf-19 -hl greet");
  cr_assert_eq(built.status, 0, "%s", built.err.c_str());
  cr_expect(built.out.find("RISC-V") != std::string::npos && built.out.find("INTERP") == std::string::npos, "%s", built.out.c_str());
  for (const char* how : {"", "--shadow "}) {
    auto result = shell(std::string("./pl-run ") + how + scratch.path() + "/greet hi there");
    cr_expect_eq(result.status, 3, "%s", result.err.c_str());
    EXPECT_TEXT(result.out, "there 3.5\n");
  }
}

Test(sysroot, a_position_independent_program_runs, .timeout = 120) {
  e2e::Scratch scratch;
  scratch.write("greet.c", Greeting);
  auto built = shell("cd " + scratch.path() + " && " PL_TOP "/build/bin/pl-cc -O2 -static-pie greet.c -o greet -lm");
  cr_assert_eq(built.status, 0, "%s", built.err.c_str());
  auto result = shell("./pl-run --shadow " + scratch.path() + "/greet x");
  cr_expect_eq(result.status, 2, "%s", result.err.c_str());
  EXPECT_TEXT(result.out, "x 2.8\n");
}

Test(sysroot, a_cpp_program_throws_and_starts_threads, .timeout = 120) {
  e2e::Scratch scratch;
  scratch.write("work.cpp",
                "#include <iostream>\n#include <stdexcept>\n#include <thread>\n#include <vector>\n#include <atomic>\n"
                "int deep(int n) { if (n == 0) throw std::runtime_error(\"from below\"); return deep(n - 1) + 1; }\n"
                "int main() { std::atomic<int> sum{0}; std::vector<std::thread> all;\n"
                "  for (int i = 1; i <= 8; ++i) all.emplace_back([&, i] { sum += i; });\n"
                "  for (auto& t : all) t.join();\n"
                "  try { deep(20); } catch (const std::exception& e) { std::cout << sum << ' ' << e.what() << std::endl; } }\n");
  auto built = shell("cd " + scratch.path() + " && " PL_TOP "/build/bin/pl-c++ -O1 work.cpp -o work");
  cr_assert_eq(built.status, 0, "%s", built.err.c_str());
  for (const char* how : {"", "--shadow "}) {
    auto result = shell(std::string("./pl-run ") + how + scratch.path() + "/work");
    cr_expect_eq(result.status, 0, "%s", result.err.c_str());
    EXPECT_TEXT(result.out, "36 from below\n");
  }
}

Test(sysroot, the_cmake_toolchain_file_builds_a_project, .timeout = 120) {
  e2e::Scratch scratch;
  scratch.write("greet.c", Greeting);
  scratch.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(greet C)\nadd_executable(greet greet.c)\ntarget_link_libraries(greet m)\n");
  auto built = shell("cd " + scratch.path() + " && cmake -B b -DCMAKE_TOOLCHAIN_FILE=" PL_TOP "/build/share/penglai/penglai.cmake . && cmake --build b");
  cr_assert_eq(built.status, 0, "%s%s", built.out.c_str(), built.err.c_str());
  auto result = shell("./pl-run --shadow " + scratch.path() + "/b/greet ok");
  cr_expect_eq(result.status, 2, "%s", result.err.c_str());
  EXPECT_TEXT(result.out, "ok 2.8\n");
}

Test(sysroot, the_commands_are_installed_by_cmake, .timeout = 300) {
  e2e::Scratch scratch;
  auto installed = shell("cmake --install build --prefix " + scratch.path() + "/usr");
  cr_assert_eq(installed.status, 0, "%s%s", installed.out.c_str(), installed.err.c_str());
  auto result = shell("cd / && PENGLAI_RUNTIME_DIR=" + scratch.path() + " " + scratch.path() + "/usr/bin/pl-run --shadow hello installed", {.seconds = 200});
  cr_expect_eq(result.status, 0, "%s", result.err.c_str());
  cr_expect(result.out.find("installed") != std::string::npos, "%s", result.out.c_str());
  shell("PENGLAI_RUNTIME_DIR=" + scratch.path() + " " + scratch.path() + "/usr/bin/pl-machine stop");
}

Test(sysroot, mbedtls_is_found_by_cmake_and_by_pkg_config, .timeout = 120) {
  e2e::Scratch scratch;
  scratch.write("version.c",
                "#include <mbedtls/version.h>\n#include <stdio.h>\n"
                "int main(void) { char text[16]; mbedtls_version_get_string(text); puts(text); return 0; }\n");
  scratch.write("CMakeLists.txt",
                "cmake_minimum_required(VERSION 3.20)\nproject(version C)\nfind_package(MbedTLS REQUIRED)\nadd_executable(by-cmake version.c)\n"
                "target_link_libraries(by-cmake MbedTLS::mbedtls)\n");
  auto built = shell("cd " + scratch.path() + " && cmake -B b -DCMAKE_TOOLCHAIN_FILE=" PL_TOP "/build/share/penglai/penglai.cmake . && cmake --build b && "
                     "S=$(" PL_TOP "/build/bin/pl-cc -print-sysroot) && " PL_TOP "/build/bin/pl-cc version.c -o b/by-pkg-config "
                     "$(PKG_CONFIG_SYSROOT_DIR=$S PKG_CONFIG_LIBDIR=$S/usr/lib/pkgconfig pkg-config --static --cflags --libs mbedtls)");
  cr_assert_eq(built.status, 0, "%s%s", built.out.c_str(), built.err.c_str());
  for (const char* name : {"by-cmake", "by-pkg-config"}) {
    auto result = shell("./pl-run " + scratch.path() + "/b/" + name);
    cr_expect_eq(result.status, 0, "%s", result.err.c_str());
    cr_expect(result.out.starts_with("3."), "%s", result.out.c_str());
  }
}
