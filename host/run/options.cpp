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

constexpr int kOwnFailure = 125, kWrongLine = 2;
constexpr size_t kMountsMax = 48;
constexpr size_t kPathMax = 4095;
constexpr uint32_t kInstancesMax = 1'000'000;
constexpr size_t kNameMax = 63;

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

std::optional<ShadowPoint> parse_shadow_point(std::string_view text) {
  if (text == "entry") return ShadowPoint::Entry;
  if (text == "main") return ShadowPoint::Main;
  if (text == "call") return ShadowPoint::Call;
  if (text == "boot") return ShadowPoint::Boot;
  return std::nullopt;
}

class Help : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string) const override {
    return "Usage: " + app->get_name() + " [OPTIONS] PROGRAM" + (app->get_name() == "pl-run" ? " [ARG...]\n" : "\n");
  }
};

}  // namespace

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

std::optional<VariableOption> parse_variable(const std::string& text) {
  size_t equals = text.find('=');
  if (text.empty() || equals == 0) return std::nullopt;
  VariableOption variable{text.substr(0, equals), {}};
  if (equals != std::string::npos) variable.value = text.substr(equals + 1);
  return variable;
}

std::expected<void, OptionsStop> parse_line(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(OptionsStop{0, app.help()});
  } catch (const CLI::CallForVersion& version) {
    return std::unexpected(OptionsStop{0, version.what() + std::string("\n")});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(OptionsStop{kWrongLine, error.what()});
  }
  return {};
}

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

bool valid_instance_name(const std::string& name) {
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= kNameMax && name[0] != '-' && std::ranges::all_of(name, fits);
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

std::expected<RunOptions, OptionsStop> parse_run_options(int argc, const char* const* argv, LineOf line) {
  RunOptions options;
  std::vector<std::string> variables, instance_variables, mounts;
  std::string user, memory, timeout, count, jobs, strace, point, gdb;
  std::optional<uint32_t> template_arguments;

  const bool runs = line == LineOf::Run;
  const std::string own = runs ? "pl-run" : "pl-template build";
  auto wrong = [&](const std::string& what) {
    return std::unexpected(OptionsStop{runs ? kOwnFailure : kWrongLine, own + ": " + what + "\nTry '" + own + " --help'.\n"});
  };
  CLI::App app(runs ? "Runs a riscv64 Linux program in an enclave." : "Finds or makes the template of a program, and prints its id.", own);
  app.formatter(std::make_shared<Help>());
  app.prefix_command();
  auto list = [&](const char* name, std::vector<std::string>& to, const char* help, const char* type) {
    return app.add_option(name, to, help)->type_name(type)->allow_extra_args(false)->take_all();
  };
  list("-v,--volume", mounts, "Show a host directory or file inside (untrusted)", "HOST:GUEST[:ro]");
  app.add_option("--rootfs", options.rootfs, "The root inside is this verified image, or one that is made of this directory (pl-image build)")
      ->type_name("IMAGE|DIR")->take_last();
  list("--prefetch", options.prefetch, "With --rootfs, the template reads and checks this file or directory of the image, so that no fork does", "PATH");
  app.add_option("--sysroot", options.sysroot, "Interpreter and libraries of a dynamic PROGRAM are below DIR")->type_name("DIR")->take_last();
  app.add_option("--shadow-at", point, "Where the template freezes: entry (default); main; call: where it reads /dev/shadow; boot: before any program, one for all of --rootfs")
      ->type_name("POINT")
      ->take_last();
  // As a flag, so that it takes no word behind it: PROGRAM may be that.
  auto* traced = app.add_flag("--strace{all}", strace, "Print the program's system calls (all, or =SET: openat,%file,!futex), in a debug enclave")->take_last();
  app.add_flag("--debug", options.debug, "In a debug enclave: when a fault ends the program, print its registers and a backtrace");
  auto* debugged = runs ? app.add_flag("--gdb{0}", gdb, "Wait at the first instruction for gdb on 127.0.0.1 (any port, or =PORT), in a debug enclave")->take_last() : nullptr;
  app.add_option("--memory", memory, "Most memory the enclave may hold: bytes, or with k, m, g")->type_name("SIZE")->take_last();
  if (runs) {
    app.footer(
        "PROGRAM is a path with a slash, or the name of a built example; with --rootfs, a path or a name in the image.\n"
        "Options end there.\n"
        "Exit status: the program's, 128+n when signal n ended it; 127 PROGRAM is not found, 126 it cannot run,\n"
        "125 pl-run itself failed, 124 the time was up. With -n: 0 when all ended with 0, 123 when some did not.\n"
        "With -n, standard input is empty for all; with -i it is read to its end first, and each gets all of it.");
    app.set_version_flag("--version", std::string("pl-run " PL_VERSION_STRING));
    app.add_flag("--shadow", options.shadow, "Fork a template of PROGRAM; the first time makes it");
    app.add_option("--shadow-args", template_arguments, "At main or call: the first N ARGs are the template's too (default 0)")
        ->type_name("N")
        ->take_last();
    list("-e,--env", variables, "Set an environment variable, or pass the caller's on", "NAME[=VALUE]");
    list("--instance-env", instance_variables, "Set it in this instance only: at main or call, -e makes another template", "NAME[=VALUE]");
    list("--env-file", options.variable_files, "Read environment variables from a file", "FILE");
    app.add_option("-w,--workdir", options.directory, "Working directory inside (default /)")->type_name("DIR")->take_last();
    app.add_option("-u,--user", user, "User and group inside (default 0:0)")->type_name("UID[:GID]")->take_last();
    app.add_flag("-i,--interactive", options.interactive, "Connect standard input (always so, but with -n)");
    app.add_flag("-t,--tty", options.terminal, "Fail unless standard input is a terminal");
    app.add_option("-o,--strace-file", options.strace_file, "Write the lines of --strace to FILE, each with its thread's number, as strace -f -o does")->type_name("FILE")->take_last();
    app.add_flag("--stats", options.statistics, "Say at the end how much memory the enclave held");
    app.add_option("--timeout", timeout, "End the program after this time: 10s, 500ms, 2m, 1h")->type_name("TIME")->take_last();
    app.add_option("--name", options.name, "Name of the running instance, for pl-ps and its sisters (default PROGRAM-PID)")->type_name("NAME")->take_last();
    app.add_flag("-d,--detach", options.detached, "Go on after this command has ended; print the name. Output is kept for pl-logs");
    app.add_flag("--rm", options.remove, "With -d: forget it once it has ended (else pl-rm does)");
    app.add_option("-n,--instances", count, "Run so many instances; PENGLAI_INDEX (from 0) and PENGLAI_COUNT tell each which it is")->type_name("N")->take_last();
    app.add_option("-j,--jobs", jobs, "At most so many of them at once (default 64)")->type_name("N")->take_last();
    app.add_flag("--fail-fast", options.fail_fast, "When one of them fails, end the others and start no more");
    app.add_flag("--json", options.json, "The summary of them as JSON, the last line of standard error");
    app.add_option("--output", options.output, "Write their output to DIR/INDEX.out and DIR/INDEX.err instead of lines marked [INDEX]")->type_name("DIR")->take_last();
  } else {
    options.shadow = true;
    app.footer("PROGRAM is a path with a slash, or the name of a built example. These are the options of pl-run that decide what a template is.");
    app.add_option("--name", options.template_name, "Name of the template for people (default PROGRAM)")->type_name("NAME")->take_last();
    app.add_flag("--json", options.json, "Print all there is to know of it, as JSON");
  }

  if (auto parsed = parse_line(app, argc, argv); !parsed) return parsed.error().status ? wrong(parsed.error().text) : std::unexpected(parsed.error());

  std::vector<std::string> rest = app.remaining();
  size_t place = static_cast<size_t>(argc) - rest.size();  // of PROGRAM, as nothing behind it is touched
  if (!rest.empty() && rest[0] == "--") rest.erase(rest.begin());
  else if (!rest.empty() && rest[0].starts_with('-') && rest[0] != "-" && std::string_view(argv[place - 1]) != "--")
    return wrong("unknown option " + rest[0]);
  if (!point.empty()) {
    auto known = parse_shadow_point(point);
    if (!known) return wrong("--shadow-at " + point + ": expected entry, main, call or boot");
    if (runs && !options.shadow) return wrong("--shadow-at is for --shadow");
    options.shadow_point = *known;
  }
  if (options.shadow_point == ShadowPoint::Boot && options.rootfs.empty())
    return wrong("--shadow-at=boot makes one template of a root image for all its programs: name the image with --rootfs, or leave --shadow-at away");
  if (!runs && options.shadow_point == ShadowPoint::Boot) {
    if (!rest.empty()) return wrong(rest[0] + ": at boot a template has no program: each of its forks names one");
  } else {
    if (rest.empty() || rest[0].empty()) return wrong("no PROGRAM given");
    options.program = rest[0];
    options.arguments.assign(rest.begin() + 1, rest.end());
  }
  if (!runs && !options.arguments.empty()) return wrong("a template has no arguments: each of its forks has its own");

  for (const std::string& text : variables) {
    auto variable = parse_variable(text);
    if (!variable) return wrong("-e " + text + ": expected NAME or NAME=VALUE");
    options.variables.push_back(std::move(*variable));
  }
  for (const std::string& text : instance_variables) {
    auto variable = parse_variable(text);
    if (!variable) return wrong("--instance-env " + text + ": expected NAME or NAME=VALUE");
    options.instance_variables.push_back(std::move(*variable));
  }
  if (template_arguments) {
    if (options.shadow_point != ShadowPoint::Main && options.shadow_point != ShadowPoint::Call) return wrong("--shadow-args is for --shadow-at main or call");
    if (*template_arguments > options.arguments.size())
      return wrong("--shadow-args " + std::to_string(*template_arguments) + ": there are fewer ARGs");
    options.template_arguments = *template_arguments;
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
  if (!options.rootfs.empty() && !options.sysroot.empty()) return wrong("--sysroot: with --rootfs, everything comes from the image");
  if (!options.prefetch.empty() && (options.rootfs.empty() || !options.shadow)) return wrong("--prefetch is for --shadow with --rootfs: it says what the template reads of the image");
  for (std::string& path : options.prefetch) {
    auto normal = normalize_path(path);
    if (!normal) return wrong("--prefetch " + path + ": expected an absolute path in the image");
    path = *normal;
  }
  if (!options.rootfs.empty() && options.program.find('/') != std::string::npos && !options.program.starts_with('/'))
    return wrong(options.program + ": with --rootfs, PROGRAM is an absolute path in the image, or a name");
  if (!user.empty() && !parse_user(user, options.user, options.group))
    return wrong("-u " + user + ": expected UID or UID:GID as numbers");
  if (*traced) {
    auto filter = StraceFilter::parse(strace);
    if (!filter) return wrong("--strace=" + strace + ": " + filter.error());
    options.strace = std::move(*filter);
  }
  if (debugged && *debugged) {
    auto port = parse_number(gdb);
    if (!port || *port > UINT16_MAX) return wrong("--gdb=" + gdb + ": expected a port from 0 to 65535; 0 is any");
    options.gdb = static_cast<uint16_t>(*port);
  }
  if (!memory.empty()) {
    auto size = parse_size(memory);
    if (!size) return wrong("--memory " + memory + ": expected a size such as 64m");
    options.memory = *size;
  }
  auto number = [](const std::string& text) -> std::optional<uint32_t> {
    auto value = parse_number(text);
    if (!value || *value == 0 || *value > kInstancesMax) return std::nullopt;
    return static_cast<uint32_t>(*value);
  };
  if (!count.empty()) {
    auto value = number(count);
    if (!value) return wrong("-n " + count + ": expected a number from 1 to " + std::to_string(kInstancesMax));
    options.count = *value;
  }
  if (!jobs.empty()) {
    auto value = number(jobs);
    if (!value) return wrong("-j " + jobs + ": expected a number from 1 to " + std::to_string(kInstancesMax));
    options.jobs = *value;
  }
  if (!options.strace_file.empty() && !options.strace) return wrong("-o is for --strace; --output goes with -n");
  if (options.count && options.strace) return wrong("--strace does not go with -n: it follows one program");
  if (options.count && (options.gdb || options.debug)) return wrong("--gdb and --debug do not go with -n: they follow one program");
  if (options.gdb && options.detached) return wrong("--gdb does not go with -d");
  if (runs && !options.count && (options.jobs || options.fail_fast || options.json || !options.output.empty()))
    return wrong("-j, --fail-fast, --output and --json go with -n");
  if (options.terminal && (options.count || options.detached)) return wrong("-t does not go with -n or -d");
  if (options.remove && !options.detached) return wrong("--rm goes with -d; what is not detached leaves nothing behind");
  if (options.detached && options.interactive) return wrong("-i does not go with -d: a detached instance has no standard input");
  if (!options.name.empty() && !valid_instance_name(options.name))
    return wrong("--name " + options.name + ": expected letters, digits, '_' and '-', at most 63");
  if (!timeout.empty()) {
    auto time = parse_duration(timeout);
    if (!time) return wrong("--timeout " + timeout + ": expected a time such as 10s");
    options.timeout_milliseconds = *time;
  }
  return options;
}

}  // namespace pl
