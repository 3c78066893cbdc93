// SPDX-License-Identifier: BSD-2-Clause
#include "run/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#ifndef PL_VERSION_STRING
#define PL_VERSION_STRING "development"
#endif

namespace pl {
namespace {

constexpr int kOwnFailure = 125;
constexpr size_t kMountsMax = 48;
constexpr size_t kPathMax = 4095;

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint32_t> parse_id(std::string_view text) {
  auto value = parse_number(text);
  if (!value || *value >= UINT32_MAX) return std::nullopt;  // -1 means "none" to chown(2)
  return static_cast<uint32_t>(*value);
}

bool parse_user(const std::string& text, uint32_t& user, uint32_t& group) {
  size_t colon = text.find(':');
  auto first = parse_id(std::string_view(text).substr(0, colon));
  if (!first) return false;
  user = *first;
  group = 0;
  if (colon == std::string::npos) return true;
  auto second = parse_id(std::string_view(text).substr(colon + 1));
  if (!second) return false;
  group = *second;
  return true;
}

class Help : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: pl-run [OPTIONS] PROGRAM [ARG...]\n";
  }
};

std::unexpected<OptionsStop> wrong(const std::string& what) {
  return std::unexpected(OptionsStop{kOwnFailure, "pl-run: " + what + "\nTry 'pl-run --help'.\n"});
}

}  // namespace

std::optional<uint64_t> parse_size(const std::string& text) {
  std::string_view digits = text;
  uint64_t unit = 1;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'b': case 'B': unit = 1; digits.remove_suffix(1); break;
      case 'k': case 'K': unit = 1ull << 10; digits.remove_suffix(1); break;
      case 'm': case 'M': unit = 1ull << 20; digits.remove_suffix(1); break;
      case 'g': case 'G': unit = 1ull << 30; digits.remove_suffix(1); break;
      default: break;
    }
  }
  auto value = parse_number(digits);
  if (!value || *value == 0 || *value > (uint64_t{1} << 50) / unit) return std::nullopt;
  return *value * unit;
}

std::optional<uint64_t> parse_duration(const std::string& text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  double scale;
  if (unit.empty() || unit == "s") scale = 1e3;
  else if (unit == "ms") scale = 1;
  else if (unit == "m") scale = 60e3;
  else if (unit == "h") scale = 3600e3;
  else return std::nullopt;
  double milliseconds = value * scale;
  if (!(milliseconds > 0) || milliseconds > 1e12) return std::nullopt;
  return std::max<uint64_t>(1, static_cast<uint64_t>(std::llround(milliseconds)));
}

std::optional<std::string> normalize_path(const std::string& path) {
  if (path.empty() || path[0] != '/' || path.size() > kPathMax) return std::nullopt;
  std::string out;
  for (size_t at = 0; at < path.size();) {
    size_t end = std::min(path.find('/', at), path.size());
    std::string_view part = std::string_view(path).substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.empty()) return std::nullopt;
      out.resize(out.rfind('/'));
      continue;
    }
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

std::expected<MountOption, std::string> parse_mount(const std::string& text) {
  std::string_view rest = text;
  MountOption mount;
  if (rest.ends_with(":ro")) {
    mount.read_only = true;
    rest.remove_suffix(3);
  } else if (rest.ends_with(":rw")) {
    rest.remove_suffix(3);
  }
  // The host's path may hold a colon, the path inside may not.
  size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::unexpected("expected HOST:GUEST[:ro]");
  mount.host = rest.substr(0, colon);
  auto guest = normalize_path(std::string(rest.substr(colon + 1)));
  if (!guest) return std::unexpected("the path inside must be absolute");
  if (*guest == "/") return std::unexpected("the root directory inside cannot be replaced");
  mount.guest = *guest;
  return mount;
}

std::expected<RunOptions, OptionsStop> parse_run_options(int argc, const char* const* argv) {
  RunOptions options;
  std::vector<std::string> variables, mounts;
  std::string user, memory, timeout, strace;

  CLI::App app("Runs a riscv64 Linux program in an enclave.", "pl-run");
  app.formatter(std::make_shared<Help>());
  app.footer(
      "PROGRAM is a path with a slash, or the name of a built example. Options end there.\n"
      "Exit status: the program's, 128+n when signal n ended it; 127 PROGRAM is not found, 126 it cannot run,\n"
      "125 pl-run itself failed, 124 the time was up.");
  app.prefix_command();
  app.set_version_flag("--version", std::string("pl-run " PL_VERSION_STRING));
  app.add_flag("--shadow", options.shadow, "Fork a template of PROGRAM; the first time makes it");
  auto list = [&](const char* name, std::vector<std::string>& to, const char* help, const char* type) {
    return app.add_option(name, to, help)->type_name(type)->allow_extra_args(false)->take_all();
  };
  list("-e,--env", variables, "Set an environment variable, or pass the caller's on", "NAME[=VALUE]");
  list("--env-file", options.variable_files, "Read environment variables from a file", "FILE");
  list("-v,--volume", mounts, "Show a host directory or file inside (untrusted)", "HOST:GUEST[:ro]");
  app.add_option("-w,--workdir", options.directory, "Working directory inside (default /)")->type_name("DIR")->take_last();
  app.add_option("-u,--user", user, "User and group inside (default 0:0)")->type_name("UID[:GID]")->take_last();
  app.add_flag("-i,--interactive", options.interactive, "Connect standard input (always so)");
  app.add_flag("-t,--tty", options.terminal, "Fail unless standard input is a terminal");
  app.add_flag("--stats", options.statistics, "Say at the end how much memory the enclave held");
  // As a flag, so that it takes no word behind it: PROGRAM may be that.
  auto* traced = app.add_flag("--strace{all}", strace, "Print the program's system calls (all, or =SET: openat,%file,!futex), in a debug enclave")->take_last();
  app.add_option("--memory", memory, "Most memory the enclave may hold: bytes, or with k, m, g")->type_name("SIZE")->take_last();
  app.add_option("--timeout", timeout, "End the program after this time: 10s, 500ms, 2m, 1h")->type_name("TIME")->take_last();
  app.add_option("--name", options.name, "Name of the template for people")->type_name("NAME")->take_last();

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(OptionsStop{0, app.help()});
  } catch (const CLI::CallForVersion& version) {
    return std::unexpected(OptionsStop{0, version.what() + std::string("\n")});
  } catch (const CLI::ParseError& error) {
    return wrong(error.what());
  }

  std::vector<std::string> rest = app.remaining();
  size_t place = static_cast<size_t>(argc) - rest.size();  // of PROGRAM, as nothing behind it is touched
  if (!rest.empty() && rest[0] == "--") rest.erase(rest.begin());
  else if (!rest.empty() && rest[0].starts_with('-') && rest[0] != "-" && std::string_view(argv[place - 1]) != "--")
    return wrong("unknown option " + rest[0]);
  if (rest.empty() || rest[0].empty()) return wrong("no PROGRAM given");
  options.program = rest[0];
  options.arguments.assign(rest.begin() + 1, rest.end());

  for (const std::string& text : variables) {
    size_t equals = text.find('=');
    if (text.empty() || equals == 0) return wrong("-e " + text + ": expected NAME or NAME=VALUE");
    VariableOption variable{text.substr(0, equals), {}};
    if (equals != std::string::npos) variable.value = text.substr(equals + 1);
    options.variables.push_back(std::move(variable));
  }
  for (const std::string& text : mounts) {
    auto mount = parse_mount(text);
    if (!mount) return wrong("-v " + text + ": " + mount.error());
    if (std::ranges::find(options.mounts, mount->guest, &MountOption::guest) != options.mounts.end())
      return wrong("-v " + text + ": something is shown at " + mount->guest + " already");
    options.mounts.push_back(std::move(*mount));
  }
  if (options.mounts.size() > kMountsMax) return wrong("more than " + std::to_string(kMountsMax) + " -v");
  auto directory = normalize_path(options.directory);
  if (!directory) return wrong("-w " + options.directory + ": expected an absolute path");
  options.directory = *directory;
  if (!user.empty() && !parse_user(user, options.user, options.group))
    return wrong("-u " + user + ": expected UID or UID:GID as numbers");
  if (*traced) {
    auto filter = StraceFilter::parse(strace);
    if (!filter) return wrong("--strace=" + strace + ": " + filter.error());
    options.strace = std::move(*filter);
  }
  if (!memory.empty()) {
    auto size = parse_size(memory);
    if (!size) return wrong("--memory " + memory + ": expected a size such as 64m");
    options.memory = *size;
  }
  if (!timeout.empty()) {
    auto time = parse_duration(timeout);
    if (!time) return wrong("--timeout " + timeout + ": expected a time such as 10s");
    options.timeout_milliseconds = *time;
  }
  return options;
}

}  // namespace pl
