// SPDX-License-Identifier: BSD-2-Clause
// pl-machine: look at the embedded machine, start and stop it, and get inside.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "../client/session.h"

namespace pl::machine {
namespace {

constexpr const char* kName = "pl-machine";
// As LSB init scripts say it.
constexpr int kNotRunning = 3;

int status(const Directory& directory, bool as_json) {
  const auto configuration = current_configuration();
  if (!configuration) return complain(kName, configuration.error());
  auto connection = Connection::find(directory);
  if (!connection) return complain(kName, connection.error());
  nlohmann::json json = to_json(configuration->settings);
  json["state"] = "stopped";
  json["log"] = directory.log().string();
  json["outdated"] = false;
  if (*connection) {
    Connection& machine = **connection;
    std::optional<Frame> frame;
    if (machine.send(Type::kGetStatus)) frame = machine.receive();
    while (frame && frame->type == Type::kUp) frame = machine.receive();
    if (frame && frame->type == Type::kStatus) {
      json = nlohmann::json::parse(decode_text(frame->payload), nullptr, false);
      if (json.is_discarded()) return complain(kName, "the daemon's answer cannot be read");
      json["outdated"] = json["fingerprint"] != configuration->fingerprint;
      json.erase("fingerprint");
    }
  }
  json.erase("icount");
  const bool stopped = json["state"] == "stopped";
  if (as_json) {
    fmt::print("{}\n", json.dump(2));
    return stopped ? kNotRunning : 0;
  }
  const auto pool = json["pool"].get<uint64_t>();
  const auto idle = json["idle_seconds"].get<int64_t>();
  fmt::print("state     {}\n", json["state"].get<std::string>());
  if (json.contains("uptime_seconds")) {
    fmt::print("uptime    {:.0f} s", json["uptime_seconds"].get<double>());
    if (json["boot_seconds"].is_number()) fmt::print(" (start took {:.2f} s)", json["boot_seconds"].get<double>());
    fmt::print("\ncommands  {}\nclients   {}\nprocess   {} (QEMU {})\nkernel    Linux {}\n", json["commands"].get<int>(), json["clients"].get<int>(),
               json["pid"].get<int>(), json["qemu_pid"].get<int>(), json["kernel_release"].get<std::string>());
  }
  if (json.value("pool_size", uint64_t{0}) != 0) {
    fmt::print("enclaves  {}, templates {}, {} of {} KiB of the pool free\n", json["enclaves"].get<uint64_t>(), json["templates"].get<uint64_t>(),
               json["pool_free"].get<uint64_t>() / 1024, json["pool_size"].get<uint64_t>() / 1024);
  }
  fmt::print("harts     {}\nmemory    {}\npool      {}\nidle      {}\nlog       {}\nsettings  {}\n", json["harts"].get<unsigned>(),
             show_size(json["memory"].get<uint64_t>()), pool ? show_size(pool) : "half of the memory",
             idle ? "stopped after " + show_time(std::chrono::seconds(idle)) : "never stopped", json["log"].get<std::string>(), settings_path().string());
  if (json["outdated"].get<bool>()) fmt::print("settings or images have changed: the next command starts a new machine when this one is idle\n");
  return stopped ? kNotRunning : 0;
}

int wait_until_up(Connection& connection) {
  if (connection.welcome().up) return 0;
  while (const auto frame = connection.receive()) {
    if (frame->type == Type::kUp) return 0;
    if (frame->type == Type::kLost) return complain(kName, decode_text(frame->payload));
  }
  return complain(kName, "the machine is gone; log: " + connection.welcome().log);
}

int start(const Directory& directory, const Overrides& overrides) {
  auto configuration = current_configuration();
  if (!configuration) return complain(kName, configuration.error());
  const auto settings = override_settings(configuration->settings, overrides);
  if (!settings) return complain(kName, settings.error());
  const bool overridden = *settings != configuration->settings;
  configuration->settings = *settings;
  auto connection = Connection::open(directory, *configuration);
  if (!connection) return complain(kName, connection.error());
  if (const int failed = wait_until_up(*connection)) return failed;
  if (connection->welcome().outdated) return complain(kName, "settings or images have changed, but the running machine is in use");
  if (!overridden) return 0;
  // A machine that was there before may be another than the one asked for.
  if (!connection->send(Type::kGetStatus)) return complain(kName, "the machine is gone");
  while (const auto frame = connection->receive()) {
    if (frame->type != Type::kStatus) continue;
    const auto json = nlohmann::json::parse(decode_text(frame->payload), nullptr, false);
    const auto running = settings_from_json(json);
    if (running && *running == *settings) return 0;
    return complain(kName, "a machine with other settings is running; use pl-machine restart");
  }
  return complain(kName, "the machine is gone");
}

int stop(const Directory& directory, bool force) {
  auto connection = Connection::find(directory);
  if (!connection) return complain(kName, connection.error());
  if (!*connection) return 0;
  const std::byte how[] = {force ? std::byte{1} : std::byte{0}};
  if (!(*connection)->send(Type::kStop, how)) return 0;
  while (const auto frame = (*connection)->receive()) {
    if (frame->type == Type::kStopped) return 0;
    if (frame->type == Type::kLost) return 0;
    if (frame->type != Type::kRefused) continue;
    const auto refused = decode<Refused>(frame->payload);
    return complain(kName, (refused ? refused->text : "refused") + "; --force ends " + "them");
  }
  return 0;
}

int show_log(const Directory& directory, bool path_only, bool old) {
  const auto path = old ? directory.old_log() : directory.log();
  if (path_only) {
    fmt::print("{}\n", path.string());
    return 0;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return complain(kName, "there is no log at " + path.string());
  if (file.peek() != std::ifstream::traits_type::eof()) std::cout << file.rdbuf();
  return std::cout.flush() ? 0 : kOurFailure;
}

int command(std::vector<std::string> arguments, const std::vector<std::string>& variables) {
  Request request{kName, std::move(arguments), plain_environment()};
  for (const std::string& variable : variables) {
    if (variable.find('=') != std::string::npos) {
      request.environment.push_back(variable);
    } else if (const char* value = std::getenv(variable.c_str())) {
      request.environment.push_back(variable + "=" + value);
    }
  }
  return run_in_machine(request);
}

// Where the command of `run` begins: at `--`, or at the first word that is neither an option nor an option's value.
int command_begin(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "run") return argc;
  for (int i = 2; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--" || !word.starts_with('-')) return i;
    if (word == "-e" || word == "--env") ++i;
  }
  return argc;
}

int main(int argc, char** argv) {
  CLI::App app("The embedded RISC-V machine that pl-run and its sister commands use.\n"
               "It is started when it is needed and stopped when it has been idle for a while.\n"
               "Settings: " + settings_path().string() + " (harts, memory, pool, idle),\n"
               "then PENGLAI_HARTS, PENGLAI_MEMORY, PENGLAI_POOL, PENGLAI_IDLE.");
  app.require_subcommand(1);
  int result = 0;
  std::expected<Directory, std::string> directory;
  auto with_directory = [&](auto action) {
    return [&, action] {
      directory = runtime_directory();
      result = directory ? action(*directory) : complain(kName, directory.error());
    };
  };

  bool json = false;
  auto* status_command = app.add_subcommand("status", "Show whether it runs (status 0, otherwise 3), its settings, and who uses it");
  status_command->add_flag("--json", json, "As JSON");
  status_command->callback(with_directory([&](const Directory& place) { return status(place, json); }));

  Overrides overrides;
  auto add_settings = [&overrides](CLI::App* sub) {
    sub->add_option("--harts", overrides.harts, "Harts, 1 to 8 (default 2)");
    sub->add_option("--memory", overrides.memory, "Memory (default 2G)");
    sub->add_option("--pool", overrides.pool, "Memory for enclaves, a power of two; 0: half of the memory, at most (default)");
    sub->add_option("--idle", overrides.idle, "Stop after so long without use; 0: never (default 10min)");
    sub->add_option("--icount", overrides.icount, "Count instructions: QEMU's -icount, such as shift=0,sleep=off");
  };
  bool force = false;
  auto* start_command = app.add_subcommand("start", "Start it, unless it runs; options hold until it stops");
  add_settings(start_command);
  start_command->callback(with_directory([&](const Directory& place) { return start(place, overrides); }));
  auto* stop_command = app.add_subcommand("stop", "Stop it, unless commands are running in it");
  stop_command->add_flag("--force", force, "Stop it although commands are running in it");
  stop_command->callback(with_directory([&](const Directory& place) { return stop(place, force); }));
  auto* restart_command = app.add_subcommand("restart", "Stop it, then start it");
  add_settings(restart_command);
  restart_command->add_flag("--force", force, "Stop it although commands are running in it");
  restart_command->callback(with_directory([&](const Directory& place) {
    const int stopped = stop(place, force);
    return stopped ? stopped : start(place, overrides);
  }));

  bool path_only = false, old = false;
  auto* log_command = app.add_subcommand("log", "Print what its console has shown");
  log_command->add_flag("--path", path_only, "Only say where the log is");
  log_command->add_flag("--previous", old, "Of the machine before this one");
  log_command->callback(with_directory([&](const Directory& place) { return show_log(place, path_only, old); }));

  std::vector<std::string> variables;
  auto* shell_command = app.add_subcommand("shell", "A shell in the machine's Linux (not in an enclave)");
  shell_command->callback([&] { result = command({"/bin/sh", "-i"}, {}); });
  auto* run_command = app.add_subcommand("run", "Run a command in the machine's Linux (not in an enclave): run [-e NAME[=VALUE]] -- COMMAND...");
  run_command->add_option("-e,--env", variables, "Variable for the command; without a value, this environment's")->expected(1)->take_all();
  // Options end at the command, whatever that looks like: it is not for the parser to see.
  const int split = command_begin(argc, argv);
  run_command->callback([&] {
    std::vector<std::string> arguments(argv + split, argv + argc);
    if (!arguments.empty() && arguments.front() == "--") arguments.erase(arguments.begin());
    result = arguments.empty() ? complain(kName, "run: no command is given") : command(std::move(arguments), variables);
  });

  try {
    app.parse(split, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kOurFailure;
  }
  return result;
}

}  // namespace
}  // namespace pl::machine

int main(int argc, char** argv) { return pl::machine::main(argc, argv); }
