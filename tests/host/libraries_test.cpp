// SPDX-License-Identifier: BSD-2-Clause
// What a dynamically linked program is given: its interpreter and libraries, where its loader will look for them.
#include "run/libraries.h"

#include <criterion/criterion.h>
#include <sys/stat.h>

#include <filesystem>

#include "dynamic_elf.h"
#include "fake_libos.h"
#include "image/elf.h"

using namespace pl;
using namespace pl::test;

namespace {

constexpr const char* kMusl = "/lib/ld-musl-riscv64.so.1";
constexpr const char* kGlibc = "/lib/ld-linux-riscv64-lp64d.so.1";

struct Home {
  Directory directory;
  HostFiles files = std::move(*HostFiles::at(directory.path(), "/work"));

  Home() {
    for (const char* name : {"work/lib", "musl/lib", "musl/usr/lib", "glibc/lib"}) std::filesystem::create_directories(directory.path(name));
    put("musl" + std::string(kMusl), {});
    put("musl/usr/lib/libc++.so.1", {.needed = {"libc++abi.so.1", "libc.so"}});
    put("musl/usr/lib/libc++abi.so.1", {.needed = {"libunwind.so.1", "libc.so"}});
    put("musl/lib/libunwind.so.1", {.needed = {"libc.so"}});
    put("glibc" + std::string(kGlibc), {});
    put("glibc/lib/libc.so.6", {.needed = {"ld-linux-riscv64-lp64d.so.1"}});
    put("glibc/lib/libm.so.6", {.needed = {"libc.so.6"}});
    put("glibc/lib/libgcc_s.so.1", {.needed = {"libc.so.6"}});
  }
  void put(const std::string& name, const DynamicElf& elf) const {
    directory.write(name, elf.bytes());
    chmod(directory.path(name).c_str(), 0755);
  }
  // Paths inside, in order; or what is said.
  std::string libraries(const DynamicElf& elf, const std::string& roots = "/nowhere:/musl:/glibc") const {
    put("work/prog", elf);
    auto program = find_program(files, "./prog", "");
    cr_assert(program.has_value());
    if (auto found = find_libraries(files, "./prog", roots, *program); !found) return found.error().message;
    std::string text;
    for (const Library& library : program->libraries) text += library.path + " ";
    return text;
  }
};

void says(const std::string& text, const char* what) { cr_assert(text.find(what) != std::string::npos, "%s", text.c_str()); }

}  // namespace

Test(links, are_read_from_a_file) {
  std::string file = DynamicElf{kMusl, {"one.so", "two.so"}, "$ORIGIN/lib", "/old"}.bytes();
  auto read = [&](uint64_t offset, std::span<std::byte> to) {
    if (offset > file.size() || to.size() > file.size() - offset) return false;
    if (!to.empty()) std::memcpy(to.data(), file.data() + offset, to.size());
    return true;
  };
  auto links = read_links(read);
  cr_assert(links.has_value());
  cr_assert_eq(links->interpreter, kMusl);
  cr_assert_eq(links->needed, (std::vector<std::string>{"one.so", "two.so"}));
  cr_assert_eq(links->search, "$ORIGIN/lib");
  // Any byte of it may be any other: an answer or an error, and no harm.
  const std::string whole = file;
  for (size_t at = 0; at < 0x900; ++at)
    for (char value : {'\0', '\x7f', '\xff'}) {
      file = whole;
      file[at] = value;
      (void)read_links(read);
    }
  for (size_t size = 0; size < 0x800; size += 7) {
    file = whole.substr(0, size);
    cr_assert(!read_links(read).has_value());
  }
}

Test(libraries, of_a_static_program_are_none) {
  Home home;
  cr_assert_eq(home.libraries({}), "");
}

Test(libraries, of_musl_come_from_its_root_and_the_loader_is_the_c_library) {
  Home home;
  cr_assert_eq(home.libraries({kMusl, {"libc.so", "libm.so"}}), "/lib/ld-musl-riscv64.so.1 ");
  cr_assert_eq(home.libraries({kMusl, {"libc++.so.1", "libc.so"}}),
               "/lib/ld-musl-riscv64.so.1 /usr/lib/libc++.so.1 /usr/lib/libc++abi.so.1 /lib/libunwind.so.1 ");
}

Test(libraries, of_glibc_bring_the_unwinder_that_threads_end_with) {
  Home home;
  cr_assert_eq(home.libraries({kGlibc, {"libm.so.6", "libc.so.6"}}),
               "/lib/ld-linux-riscv64-lp64d.so.1 /lib/libm.so.6 /lib/libc.so.6 /lib/libgcc_s.so.1 ");
}

Test(libraries, are_found_by_the_programs_own_search_path_and_beside_it) {
  Home home;
  home.put("work/lib/own.so", {.needed = {"inner.so"}, .runpath = "$ORIGIN"});
  home.put("work/lib/inner.so", {});
  cr_assert_eq(home.libraries({kMusl, {"own.so"}, "$ORIGIN/lib"}), "/lib/ld-musl-riscv64.so.1 /bin/lib/own.so /bin/lib/inner.so ");
  std::filesystem::create_directories(home.directory.path("opt/x"));
  home.put("opt/x/far.so", {});
  cr_assert_eq(home.libraries({kMusl, {"far.so"}, "", "/opt/x"}), "/lib/ld-musl-riscv64.so.1 /opt/x/far.so ");
  home.put("work/beside.so", {});
  cr_assert_eq(home.libraries({kMusl, {"beside.so"}}), "/lib/ld-musl-riscv64.so.1 /usr/lib/beside.so ");
}

Test(libraries, named_below_the_working_directory_are_left_to_the_loader) {
  Home home;
  cr_assert_eq(home.libraries({kMusl, {"lib/own.so", "libc.so"}}), "/lib/ld-musl-riscv64.so.1 ");
}

Test(libraries, that_are_missing_are_named_with_what_to_do) {
  Home home;
  std::string said = home.libraries({kMusl, {"libnone.so.3"}});
  says(said, "./prog needs the library libnone.so.3");
  says(said, "--sysroot");
  home.put("work/own.so", {.needed = {"libdeep.so"}});
  says(home.libraries({kMusl, {"own.so"}}), "/own.so needs the library libdeep.so");
  said = home.libraries({"/lib/ld-other.so", {}});
  says(said, "its interpreter /lib/ld-other.so is not below /nowhere:/musl:/glibc");
  says(said, "--sysroot");
}

Test(libraries, of_a_root_that_the_user_names_are_its_own) {
  Home home;
  cr_assert_eq(home.libraries({kGlibc, {"libc.so.6"}}, "../glibc"),
               "/lib/ld-linux-riscv64-lp64d.so.1 /lib/libc.so.6 /lib/libgcc_s.so.1 ");
  says(home.libraries({kGlibc, {}}, "/musl"), "not below /musl");
  // A link in it that is absolute means a file of that root.
  std::filesystem::create_symlink("/lib/libm.so.6", home.directory.path("glibc/lib/libabsolute.so"));
  cr_assert_eq(home.libraries({kGlibc, {"libabsolute.so"}}, "/glibc"),
               "/lib/ld-linux-riscv64-lp64d.so.1 /lib/libabsolute.so /lib/libc.so.6 /lib/libgcc_s.so.1 ");
}
