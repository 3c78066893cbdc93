// SPDX-License-Identifier: BSD-2-Clause
#include "session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string_view>

namespace pl::machine {
namespace {

constexpr const char* kPath = "PATH=/usr/bin:/bin";

std::string name_of(std::string_view variable) { return std::string(variable.substr(0, variable.find('='))); }

std::string working_directory() {
  std::error_code error;
  const auto directory = std::filesystem::current_path(error);
  return error ? "/" : directory.string();
}

// A variable as the user has it, or the first of these places below this command's own (in the build tree, or installed) and `more`.
std::string places(const char* name, std::initializer_list<const char*> below, const std::string& more) {
  if (const char* own = std::getenv(name)) return own;
  std::error_code error;
  const auto bin = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  std::string value;
  for (const char* place : below) {
    const auto found = (bin / place).lexically_normal();
    if (!std::filesystem::is_directory(found, error)) continue;
    value = found.string();
    break;
  }
  if (!more.empty()) value += (value.empty() ? "" : ":") + more;
  return value;
}

// What the commands inside must know about the outside.
void add_ours(std::vector<std::string>& variables) {
  variables.push_back(kPath);
  variables.push_back("PENGLAI_ROOT=/host");
  variables.push_back("PENGLAI_CWD=" + working_directory());
  auto add_place = [&](const char* name, const std::string& value) {
    if (!std::getenv(name) && !value.empty()) variables.push_back(std::string(name) + "=" + value);
  };
  add_place("PENGLAI_APPS", places("PENGLAI_APPS", {"../apps/bin", "../lib/penglai/apps"}, ""));
  add_place("PENGLAI_SYSROOTS", sysroots());
}

}  // namespace

// musl's from our own sysroot; glibc's from Debian's package for cross compilers.
std::string sysroots() { return places("PENGLAI_SYSROOTS", {"../sysroot", "../lib/penglai/sysroot"}, "/usr/riscv64-linux-gnu"); }

int complain(const std::string& name, const std::string& text) {
  fmt::print(stderr, "{}: {}\n", name, text);
  return kOurFailure;
}

std::expected<Configuration, std::string> current_configuration() {
  const auto settings = read_settings();
  if (!settings) return std::unexpected(settings.error());
  const Images images = find_images();
  return Configuration{*settings, images, fingerprint(*settings, images)};
}

std::vector<std::string> plain_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) {
    const std::string name = name_of(*variable);
    if (name == "TERM" || name == "COLORTERM" || name == "LANG" || name == "TZ" || name.starts_with("LC_") || name == "PENGLAI_APPS" ||
        name == "PENGLAI_SYSROOTS") {
      variables.push_back(*variable);
    }
  }
  variables.push_back("HOME=/");
  add_ours(variables);
  return variables;
}

std::vector<std::string> forwarded_environment() {
  constexpr std::string_view kStay[] = {"PATH", "PENGLAI_ROOT", "PENGLAI_CWD", "GLIBC_TUNABLES", "TMPDIR", "MALLOC_CONF", "XDG_RUNTIME_DIR"};
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) {
    const std::string name = name_of(*variable);
    if (name.starts_with("LD_") || std::ranges::find(kStay, name) != std::end(kStay)) continue;
    variables.push_back(*variable);
  }
  add_ours(variables);
  return variables;
}

int run_in_machine(const Request& request) {
  const auto directory = runtime_directory();
  if (!directory) return complain(request.name, directory.error());
  const auto configuration = current_configuration();
  if (!configuration) return complain(request.name, configuration.error());
  auto connection = Connection::open(*directory, *configuration);
  if (!connection) return complain(request.name, connection.error());
  return run(std::move(*connection), request);
}

int run_in_private_machine(const Request& request, const Overrides& overrides) {
  std::string path = (std::filesystem::temp_directory_path() / "penglai-XXXXXX").string();
  if (!::mkdtemp(path.data())) return complain(request.name, "cannot make a folder in " + std::filesystem::temp_directory_path().string());
  const Directory directory{path};
  auto clean_up = [&directory] {
    std::error_code error;
    std::filesystem::remove_all(directory.path, error);
  };
  // The daemon finds its folder as everybody does.
  ::setenv("PENGLAI_RUNTIME_DIR", path.c_str(), 1);
  auto failed = [&](const std::string& text) {
    clean_up();
    return complain(request.name, text);
  };
  auto configuration = current_configuration();
  if (!configuration) return failed(configuration.error());
  const auto settings = override_settings(configuration->settings, overrides);
  if (!settings) return failed(settings.error());
  configuration->settings = *settings;
  // If this process is killed, nobody is left to stop it.
  configuration->settings.idle = std::chrono::seconds(2);
  auto connection = Connection::open(directory, *configuration);
  if (!connection) return failed(connection.error());
  const int status = run(std::move(*connection), request);
  if (auto last = Connection::find(directory); last && *last) {
    const std::byte by_force{1};
    if ((*last)->send(Type::kStop, {&by_force, 1})) {
      while (const auto frame = (*last)->receive()) {
        if (frame->type == Type::kStopped) break;
      }
    }
  }
  // The log of a machine that has crashed is worth more than a tidy /tmp.
  if (status != kOurFailure) clean_up();
  return status;
}

int forward(const std::string& name, int argc, char** argv) {
  Request request{name, {"/usr/bin/" + name}, forwarded_environment()};
  for (int i = 1; i < argc; ++i) request.arguments.push_back(argv[i]);
  return run_in_machine(request);
}

}  // namespace pl::machine
