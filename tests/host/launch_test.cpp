// SPDX-License-Identifier: BSD-2-Clause
// Paths, programs, environment, keys, and templates that two processes build at once.
#include "run/launch.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "fake_libos.h"
#include "penglai/ioctl.h"
#include "run/content_digest.h"
#include "run/environment.h"
#include "run/hint.h"
#include "run/note.h"
#include "server/server.h"
#include "simulated_device.h"

using namespace pl;
using namespace pl::test;

namespace {

std::string program_file(char fill = 'p') {
  std::string file(8192, fill);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_RISCV;
  header.e_entry = 0x10000;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{PT_LOAD, PF_R | PF_X, 0, 0x10000, 0x10000, 8192, 8192, 4096};
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, &segment, sizeof segment);
  return file;
}

std::string libos_file() {
  std::string file(4096, 'L');
  pl_libos_header header{{0, 0}, PL_LIBOS_MAGIC, 4096, 8192};
  std::memcpy(file.data(), &header, sizeof header);
  return file;
}

struct Home {
  Directory directory;
  HostFiles files = std::move(*HostFiles::at(directory.path(), "/work"));
  ContentDigests digests{directory.path("digests")};

  Home() {
    for (const char* name : {"work", "apps", "data"}) std::filesystem::create_directory(directory.path(name));
    put("work/prog", program_file());
    put("apps/hello", program_file('h'));
    directory.write("libos.bin", libos_file());
  }
  void put(const std::string& name, const std::string& content, mode_t mode = 0755) const {
    directory.write(name, content);
    cr_assert_eq(chmod(directory.path(name).c_str(), mode), 0);
  }
  OrFailure<Plan> plan(RunOptions options) const {
    auto program = find_program(files, options.program, "/nowhere:/apps");
    if (!program) return std::unexpected(program.error());
    auto mounts = open_mounts(options.mounts, files);
    if (!mounts) return std::unexpected(mounts.error());
    return Plan::make(options, *mounts, std::move(*program), Descriptor(open(directory.path("libos.bin").c_str(), O_RDONLY)));
  }
  Digest key(const RunOptions& options) const { return *plan(options)->key(digests); }
};

RunOptions shadow(const std::string& program = "./prog") {
  RunOptions options;
  options.shadow = true;
  options.program = program;
  return options;
}

Failure why(const OrFailure<Pages>& image) { return image ? Failure{0, ""} : image.error(); }

void refused(const Home& home, const std::string& program, int status, const std::string& because) {
  auto plan = home.plan(shadow(program));
  Failure failure = plan ? why(plan->image()) : plan.error();
  cr_assert_eq(failure.status, status, "%s: %d %s", program.c_str(), failure.status, failure.message.c_str());
  cr_assert(failure.message.find(because) != std::string::npos, "%s", failure.message.c_str());
}

}  // namespace

Test(host_files, the_callers_root_is_not_left) {
  Home home;
  home.directory.write("secret", "inside");
  std::filesystem::create_symlink("/secret", home.directory.path("work/absolute"));
  std::filesystem::create_symlink("../../../../../../etc/passwd", home.directory.path("work/up"));
  auto file = home.files.open("absolute", O_RDONLY);
  cr_assert(file.has_value());
  auto content = read_file(file->get(), 100);
  cr_assert_eq(content->size(), 6);
  cr_assert_eq(home.files.open("up", O_RDONLY).error(), ENOENT);
  cr_assert_eq(home.files.open("../../../../../../../etc/passwd", O_RDONLY).error(), ENOENT);
  cr_assert(home.files.open("../apps/hello", O_RDONLY).has_value());
  cr_assert_eq(read_file(file->get(), 3).error(), EFBIG);
}

Test(program, is_a_path_or_an_example) {
  Home home;
  cr_assert(home.plan(shadow("./prog")).has_value());
  cr_assert(home.plan(shadow("/work/prog")).has_value());
  cr_assert(home.plan(shadow("hello")).has_value());
  cr_assert_eq(home.plan(shadow("hello"))->path_inside(), "/bin/hello");
  refused(home, "prog", 127, "no example of this name");
  refused(home, "./hello", 127, "not found");
  refused(home, "./prog/x", 127, "not found");
}

Test(program, that_cannot_run_says_why) {
  Home home;
  refused(home, "/work", 126, "is a directory");
  home.put("work/plain", program_file(), 0644);
  refused(home, "./plain", 126, "permission");
  home.put("work/script", "#!/bin/sh\n");
  refused(home, "./script", 126, "script");
  home.put("work/short", program_file().substr(0, 5000));
  refused(home, "./short", 126, "truncated");
  cr_assert_eq(mkfifo(home.directory.path("work/fifo").c_str(), 0777), 0);
  refused(home, "./fifo", 126, "not a regular file");
}

Test(mounts, are_directories_or_files) {
  Home home;
  home.put("data/file", "x", 0644);
  cr_assert_eq(mkfifo(home.directory.path("data/fifo").c_str(), 0666), 0);
  auto mounts = open_mounts({{"/data", "/d", true}, {"../data/file", "/f", false}}, home.files);
  cr_assert(mounts.has_value());
  cr_assert(!(*mounts)[0].is_file && (*mounts)[0].read_only);
  cr_assert((*mounts)[1].is_file);
  cr_assert_eq(open_mounts({{"/none", "/d", false}}, home.files).error().status, 125);
  cr_assert_eq(open_mounts({{"/data/fifo", "/d", false}}, home.files).error().status, 125);
}

Test(environment, is_defaults_then_files_then_options) {
  Home home;
  home.put("work/vars", "# comment\nA=file\nB=file\n\n  C=with space \nFROM_CALLER\r\nNOT_SET\n", 0644);
  setenv("FROM_CALLER", "yes", 1);
  RunOptions options;
  options.variable_files = {"vars"};
  options.variables = {{"B", "option"}, {"PATH", "/p"}, {"FROM_CALLER", {}}};
  auto variables = build_environment(options, home.files, false);
  cr_assert(variables.has_value());
  cr_assert_eq(*variables, (std::vector<std::string>{"PATH=/p", "HOME=/root", "A=file", "B=option", "C=with space ",
                                                      "FROM_CALLER=yes"}));
  options.variable_files = {"none"};
  cr_assert_eq(build_environment(options, home.files, false).error().status, 125);
  home.put("work/vars", "=x\n", 0644);
  options.variable_files = {"vars"};
  cr_assert(!build_environment(options, home.files, false).has_value());
}

Test(invocation, is_written_for_the_libos) {
  FakeLibos libos;
  Invocation invocation;
  invocation.arguments = {"hello", "", "two words"};
  invocation.environment = {"A=1"};
  invocation.directory = "/tmp";
  invocation.user = 5;
  prepare_window(libos.instance.window(), invocation);
  cr_assert_eq(libos.ring().magic, PL_OCALL_MAGIC);
  cr_assert_eq(libos.ring().window_size, FakeLibos::kSize);
  auto block = libos.get<pl_instance>(PL_RING_DATA);
  cr_assert_eq(block.arguments, 3);
  cr_assert_eq(block.environment, 1);
  cr_assert_eq(block.uid, 5);
  cr_assert_eq(block.size, invocation.encoded_size());
  cr_assert_eq(libos.text(PL_RING_DATA + block.arguments_offset, 17), std::string("hello\0\0two words\0", 17));
  cr_assert_eq(libos.text(PL_RING_DATA + block.environment_offset, 4), std::string("A=1\0", 4));
  cr_assert_eq(libos.text(PL_RING_DATA + block.directory_offset, 5), std::string("/tmp\0", 5));
}

Test(invocation, large_arguments_get_a_larger_window_up_to_a_limit) {
  Invocation invocation;
  cr_assert_eq(invocation.window_size(), PL_WINDOW_DEFAULT);
  invocation.arguments.assign(100, std::string(1000, 'a'));
  cr_assert_eq(invocation.window_size(), 262144);
  invocation.arguments.assign(2000, std::string(1000, 'a'));
  cr_assert_eq(invocation.window_size(), 0);
}

Test(key, is_the_same_for_the_same_content_and_options) {
  Home home;
  Digest key = home.key(shadow());
  cr_assert_eq(home.key(shadow()), key);
  std::filesystem::create_directory(home.directory.path("copy"));
  home.put("copy/prog", program_file());
  cr_assert_eq(home.key(shadow("/copy/prog")), key);
  RunOptions other = shadow();
  other.arguments = {"x"};
  other.variables = {{"A", "b"}};
  other.directory = "/tmp";
  other.user = 7;
  other.name = "name";
  cr_assert_eq(home.key(other), key);
}

Test(key, changes_with_whatever_is_measured) {
  Home home;
  Digest key = home.key(shadow());
  RunOptions other = shadow();
  other.memory = 64 << 20;
  cr_assert_neq(home.key(other), key);
  other = shadow();
  other.mounts = {{"/data", "/data", false}};
  Digest mounted = home.key(other);
  cr_assert_neq(mounted, key);
  other.mounts[0].read_only = true;
  cr_assert_neq(home.key(other), mounted);
  std::string changed = program_file();
  changed[8000] ^= 1;
  home.put("work/prog", changed);
  cr_assert_neq(home.key(shadow()), key);
  home.put("work/prog", program_file());
  cr_assert_eq(home.key(shadow()), key);
  std::string libos = libos_file();
  libos[4000] ^= 1;
  home.directory.write("libos.bin", libos);
  cr_assert_neq(home.key(shadow()), key);
}

Test(digests, are_remembered_for_settled_files_only) {
  Home home;
  auto digest = [&] {
    Descriptor file(open(home.directory.path("work/prog").c_str(), O_RDONLY));
    struct stat status;
    fstat(file.get(), &status);
    return *home.digests.of(file.get(), status);
  };
  auto remembered = [&] {
    auto range = std::filesystem::directory_iterator(home.directory.path("digests"));
    return std::distance(begin(range), end(range));
  };
  Digest first = digest();
  cr_assert_eq(remembered(), 0);
  sleep(4);
  cr_assert_eq(digest(), first);
  cr_assert_eq(remembered(), 1);
  cr_assert_eq(digest(), first);
  home.put("work/prog", program_file('q'));
  cr_assert_neq(digest(), first);
}

Test(digests, are_not_taken_from_a_directory_that_others_may_write) {
  Home home;
  chmod(home.directory.path("digests").c_str(), 0777);
  sleep(4);
  Descriptor file(open(home.directory.path("work/prog").c_str(), O_RDONLY));
  struct stat status;
  fstat(file.get(), &status);
  cr_assert(ContentDigests(home.directory.path("digests")).of(file.get(), status).has_value());
  cr_assert(std::filesystem::is_empty(home.directory.path("digests")));
}

Test(templates, are_built_once_and_found_from_then_on) {
  Home home;
  SimulatedDevice simulated;
  simulated.cold = [](auto, auto) { return Left{PL_LEFT_FROZEN}; };
  Device device = simulated.open();
  auto plan = home.plan(shadow());
  Digest key = *plan->key(home.digests);
  auto built = find_or_build_template(device, *plan, key, [](auto) {});
  cr_assert(built.has_value(), "%s", built.error().message.c_str());
  cr_assert_eq(simulated.creates, 1);
  cr_assert_eq(simulated.alive(), 0);
  // All pages, through a device that takes one at a time: libOS, configuration, then files in order.
  cr_assert_eq(simulated.added.size() % 4096, 0);
  cr_assert_eq(std::memcmp(simulated.added.data(), libos_file().data(), 4096), 0);
  uint64_t magic;
  std::memcpy(&magic, simulated.added.data() + 4096, 8);
  cr_assert_eq(magic, PL_CONFIG_MAGIC);
  cr_assert_eq(std::memcmp(simulated.added.data() + 8192, program_file().data(), 8192), 0);
  auto found = find_or_build_template(device, *plan, key, [](auto) {});
  cr_assert_eq(*found, *built);
  cr_assert_eq(simulated.creates, 1);
}

Test(templates, that_two_build_at_once_serve_both) {
  Home home;
  SimulatedDevice simulated;
  simulated.cold = [](auto, auto) { return Left{PL_LEFT_FROZEN}; };
  Device device = simulated.open();
  auto plan = home.plan(shadow());
  Digest key = *plan->key(home.digests);
  simulated.before_publish = [&] { simulated.templates[{key.begin(), key.end()}] = 99; };
  auto built = find_or_build_template(device, *plan, key, [](auto) {});
  cr_assert(built.has_value());
  cr_assert_eq(*built, 99);
  cr_assert_eq(simulated.alive(), 0);
}

Test(templates, that_do_not_boot_say_why) {
  Home home;
  SimulatedDevice simulated;
  simulated.cold = [](std::byte* window, auto) {
    std::strcpy(reinterpret_cast<pl_ring*>(window)->panic, "bad configuration");
    return Left{PL_LEFT_FAULT, PL_FAULT_PANIC};
  };
  Device device = simulated.open();
  auto plan = home.plan(shadow());
  auto built = find_or_build_template(device, *plan, *plan->key(home.digests), [](auto) {});
  cr_assert(!built.has_value());
  cr_assert_eq(built.error().status, 125);
  cr_assert_eq(built.error().message, "enclave: bad configuration");
  cr_assert_eq(simulated.alive(), 0);
}

Test(hint, names_the_mount_that_was_forgotten) {
  Home home;
  home.directory.write("data/file", "x");
  auto hint = [&](std::vector<std::string> arguments, std::vector<MountOption> mounts = {}) {
    RunOptions options;
    options.arguments = std::move(arguments);
    options.mounts = std::move(mounts);
    return missing_mount(options, home.files).value_or("");
  };
  cr_assert(hint({"-x", "/data/file"}).find("-v /data:/data ") != std::string::npos);
  cr_assert(hint({"/data"}).find("-v /data:/data ") != std::string::npos);
  cr_assert(hint({"./prog"}).find("-v ./prog:/prog ") != std::string::npos);
  cr_assert_eq(hint({"/data/file"}, {{"/data", "/data", true}}), "");
  cr_assert_eq(hint({"/data/none", "data", "-/data", "/tmp", "/"}), "");
}

Test(endings, become_exit_statuses) {
  auto status = [](Ending::Kind kind, uint64_t detail) { return describe({kind, detail, nullptr, -1}).status; };
  cr_assert_eq(status(Ending::Kind::Exited, 0), 0);
  cr_assert_eq(status(Ending::Kind::Exited, 7 << 8), 7);
  cr_assert_eq(status(Ending::Kind::Exited, 255 << 8), 255);
  cr_assert_eq(status(Ending::Kind::Exited, 11), 139);
  cr_assert_eq(status(Ending::Kind::Exited, 6 | 0x80), 134);
  cr_assert_eq(status(Ending::Kind::Fault, PL_FAULT_PANIC), 125);
  cr_assert_eq(status(Ending::Kind::Fault, PL_FAULT_MEMORY), 137);
  cr_assert_eq(status(Ending::Kind::Timeout, 0), 124);
}

Test(launch, a_note_says_what_was_prefetched_as_far_as_there_is_room) {
  using pl::prefetched_paths, pl::template_note;
  const std::vector<std::string> two = {"/etc", "/bin/cat"}, many(1000, "/a/path/of/an/image");
  cr_expect(template_note({}).empty() && prefetched_paths("").empty());
  cr_expect(prefetched_paths(template_note(two)) == two);
  const std::string note = template_note(many);
  const auto some = prefetched_paths(note);
  cr_expect(note.size() <= PL_NOTE_MAX && some.size() > 100 && some.back() == "...");
  // Anybody may have written one.
  using namespace std::string_literals;
  cr_expect(prefetched_paths("later thing\0prefetch /a\x1b[2J\0prefetch /b"s) == std::vector<std::string>({"/a?[2J", "/b"}));
}
