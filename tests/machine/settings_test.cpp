// SPDX-License-Identifier: BSD-2-Clause
// Settings: file, then environment, then options; each says clearly what is wrong with it. And the folder that only its owner enters.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "client/configuration.h"
#include "client/directory.h"

using namespace pl::machine;
namespace fs = std::filesystem;

namespace {

struct Home {
  Home() {
    char name[] = "/tmp/penglai-test-XXXXXX";
    path = ::mkdtemp(name);
    fs::create_directories(path / "penglai");
    ::setenv("XDG_CONFIG_HOME", path.c_str(), 1);
    for (const char* name : {"PENGLAI_HARTS", "PENGLAI_MEMORY", "PENGLAI_POOL", "PENGLAI_IDLE", "PENGLAI_RUNTIME_DIR", "XDG_RUNTIME_DIR"}) ::unsetenv(name);
  }
  ~Home() { fs::remove_all(path); }
  void write(const std::string& text) { std::ofstream(path / "penglai/machine.toml") << text; }
  fs::path path;
};

std::string complaint(const Overrides& overrides) {
  const auto settings = override_settings({}, overrides);
  return settings ? "" : settings.error();
}

}  // namespace

Test(settings, without_any_there_are_two_harts_and_two_gigabytes) {
  Home home;
  const auto settings = read_settings();
  cr_assert(settings.has_value());
  cr_expect_eq(settings->harts, 2u);
  cr_expect_eq(settings->memory, 2ull << 30);
  cr_expect_eq(settings->pool, 0u);
  cr_expect_eq(settings->idle.count(), 600);
}

Test(settings, the_environment_goes_before_the_file) {
  Home home;
  home.write("harts = 4\nmemory = \"1G\"\npool = \"64M\"\nidle = \"2min\"\n");
  ::setenv("PENGLAI_HARTS", "1", 1);
  const auto settings = read_settings();
  cr_assert(settings.has_value(), "%s", settings.error().c_str());
  cr_expect_eq(settings->harts, 1u);
  cr_expect_eq(settings->memory, 1ull << 30);
  cr_expect_eq(settings->pool, 64ull << 20);
  cr_expect_eq(settings->idle.count(), 120);
}

Test(settings, a_mistake_in_the_file_is_named_with_its_place) {
  Home home;
  home.write("hearts = 4\n");
  cr_expect(read_settings().error().find("hearts") != std::string::npos);
  home.write("harts = \n");
  cr_expect(read_settings().error().find("machine.toml:1") != std::string::npos);
  home.write("harts = [1]\n");
  cr_expect(!read_settings().has_value());
}

Test(settings, what_cannot_be_is_refused) {
  for (const char* harts : {"0", "9", "-1", "two", "", "1x", "99999999999999999999"}) cr_expect(!complaint({.harts = harts}).empty(), "harts %s", harts);
  for (const char* memory : {"0", "1M", "2X", "2 G", "1000G", "18446744073709551615G", "300000000"}) {
    cr_expect(!complaint({.memory = memory}).empty(), "memory %s", memory);
  }
  for (const char* pool : {"3M", "100M", "2G", "1"}) cr_expect(!complaint({.pool = pool}).empty(), "pool %s", pool);
  for (const char* idle : {"-1", "soon", "1y"}) cr_expect(!complaint({.idle = idle}).empty(), "idle %s", idle);
  cr_expect(complaint({.harts = "8", .memory = "4G", .pool = "2G", .idle = "0"}).empty());
}

Test(settings, pass_to_the_daemon_unchanged) {
  Configuration configuration;
  configuration.settings = {3, 1ull << 30, 64ull << 20, std::chrono::seconds(5), "shift=0,sleep=off"};
  configuration.images = {"/a b/fw", "/k", "/i"};
  configuration.fingerprint = "\"odd\" \\ one";
  const auto back = decode_configuration(encode(configuration));
  cr_assert(back.has_value());
  cr_expect(back->settings == configuration.settings);
  cr_expect(back->images.firmware == "/a b/fw");
  cr_expect(back->fingerprint == configuration.fingerprint);
  cr_expect(!decode_configuration("{}").has_value());
  cr_expect(!decode_configuration("nonsense").has_value());
}

Test(settings, an_image_that_changes_changes_the_fingerprint) {
  Home home;
  const fs::path file = home.path / "image";
  std::ofstream(file) << "one";
  const Images images{file, file, file};
  const std::string before = fingerprint({}, images);
  cr_expect(fingerprint({}, images) == before);
  cr_expect(fingerprint({.harts = 1}, images) != before);
  std::ofstream(file, std::ios::app) << "more";
  cr_expect(fingerprint({}, images) != before);
}

Test(directory, is_made_for_its_owner_alone) {
  Home home;
  const fs::path place = home.path / "run";
  ::setenv("PENGLAI_RUNTIME_DIR", place.c_str(), 1);
  cr_assert(runtime_directory().has_value());
  struct stat status{};
  cr_assert_eq(::stat(place.c_str(), &status), 0);
  cr_expect_eq(status.st_mode & 0777, 0700u);
}

Test(directory, one_that_others_can_enter_or_that_is_a_link_is_refused) {
  Home home;
  const fs::path place = home.path / "run";
  ::setenv("PENGLAI_RUNTIME_DIR", place.c_str(), 1);
  fs::create_directory(place);
  ::chmod(place.c_str(), 0755);
  cr_expect(!runtime_directory().has_value());
  fs::remove(place);
  fs::create_directory(home.path / "other");
  ::chmod((home.path / "other").c_str(), 0700);
  fs::create_symlink(home.path / "other", place);
  cr_expect(!runtime_directory().has_value());
}

Test(directory, too_long_for_a_socket_is_refused) {
  Home home;
  ::setenv("PENGLAI_RUNTIME_DIR", (home.path / std::string(100, 'x')).c_str(), 1);
  cr_expect(!runtime_directory().has_value());
}
