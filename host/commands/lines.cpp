// SPDX-License-Identifier: BSD-2-Clause
#include "commands/lines.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <utility>

namespace pl {
namespace {

constexpr int kWrongLine = 2;

// What a terminal can send, and the end by force.
constexpr std::pair<const char*, int> kSignals[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"KILL", SIGKILL},
                                                    {"TERM", SIGTERM}, {"CONT", SIGCONT}, {"TSTP", SIGTSTP}, {"WINCH", SIGWINCH}};

std::optional<int> parse_signal(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (text.starts_with("SIG")) text.erase(0, 3);
  for (auto [name, number] : kSignals)
    if (text == name || text == std::to_string(number)) return number;
  return std::nullopt;
}

struct Command {
  const char* name;
  const char* what;
  void (*add)(CLI::App& app, CommandLine& line);
};

void add_names(CLI::App& app, CommandLine& line) { app.add_option("NAME", line.names, "Of an instance, as pl-ps shows it")->required(); }
void add_json(CLI::App& app, CommandLine& line) { app.add_flag("--json", line.json, "As JSON"); }

constexpr Command kCommands[] = {
    {"pl-ps", "Shows the instances that run.",
     [](CLI::App& app, CommandLine& line) {
       app.add_flag("-a,--all", line.all, "Those that have ended too (detached ones are kept until pl-rm)");
       add_json(app, line);
     }},
    {"pl-logs", "Prints what a detached instance has written: its output on standard output, its errors on standard error.",
     [](CLI::App& app, CommandLine& line) {
       app.add_flag("-f,--follow", line.follow, "Go on until it has ended");
       app.add_option("NAME", line.names, "Of a detached instance")->required()->expected(1);
     }},
    {"pl-kill", "Sends a signal to instances, as a terminal would, or ends them.",
     [](CLI::App& app, CommandLine& line) {
       line.signal = SIGTERM;
       app.add_option_function<std::string>(
              "-s,--signal",
              [&line](const std::string& text) {
                auto signal = parse_signal(text);
                if (!signal)
                  throw CLI::ValidationError("-s " + text,
                                             "an enclave takes what a terminal can send: INT, TERM, HUP, QUIT, TSTP, CONT, WINCH; KILL ends it");
                line.signal = *signal;
              },
              "INT, TERM (default), HUP, QUIT, TSTP, CONT, WINCH; KILL ends the enclave")
           ->type_name("SIGNAL");
       add_names(app, line);
     }},
    {"pl-wait", "Waits until instances have ended. Its exit status is that of the last one.",
     [](CLI::App& app, CommandLine& line) {
       add_json(app, line);
       add_names(app, line);
     }},
    {"pl-rm", "Forgets detached instances that have ended, with their output.",
     [](CLI::App& app, CommandLine& line) {
       app.add_flag("-f,--force", line.force, "End those that still run");
       app.add_flag("-a,--all", line.all, "All that have ended");
       app.add_option("NAME", line.names, "Of a detached instance");
     }},
    {"pl-top", "Shows what the running instances hold and do, again and again.",
     [](CLI::App& app, CommandLine& line) {
       line.milliseconds = 1000;
       app.add_flag("-b,--once", line.once, "Once");
       app.add_option_function<std::string>(
              "-d,--delay",
              [&line](const std::string& text) {
                auto time = parse_duration(text);
                if (!time) throw CLI::ValidationError("-d " + text, "expected a time such as 2s");
                line.milliseconds = *time;
              },
              "Between two looks (default 1s)")
           ->type_name("TIME");
       app.add_flag("--json", line.json, "As JSON, an object a line");
     }},
    {"pl-template", "The templates that pl-run --shadow forks: made, shown, removed.",
     [](CLI::App& app, CommandLine& line) {
       app.require_subcommand(1);
       // Its line is parsed apart.
       app.add_subcommand("build", "Find or make the one of a program, and print its id: build --help")->prefix_command();
       auto* ls = app.add_subcommand("ls", "Show them, and which gave way because memory was short");
       add_json(*ls, line);
       auto* inspect = app.add_subcommand("inspect", "Show all there is to know of some");
       add_json(*inspect, line);
       inspect->add_option("ID|NAME", line.names)->required();
       auto* rm = app.add_subcommand("rm", "Remove some; one with running forks is hidden at once and freed when the last of them ends");
       add_json(*rm, line);
       rm->add_option("ID|NAME", line.names);
       rm->add_flag("--all", line.all, "Remove all");
       auto* prune = app.add_subcommand("prune", "Remove those that have no fork running and were not used for a day");
       add_json(*prune, line);
       line.milliseconds = 24 * 3600 * 1000;
       auto* older = prune->add_option_function<std::string>(
           "--older",
           [&line](const std::string& text) {
             auto time = parse_duration(text);
             if (!time) throw CLI::ValidationError("--older " + text, "expected a time such as 10m or 2h");
             line.milliseconds = *time;
           },
           "Not used for so long, instead");
       older->type_name("TIME");
       prune->add_flag("--all", line.all, "However short ago")->excludes(older);
     }},
};

std::unexpected<OptionsStop> wrong(const std::string& name, const std::string& what) {
  return std::unexpected(OptionsStop{kWrongLine, name + ": " + what + "\nTry '" + name + " --help'.\n"});
}

}  // namespace

std::expected<CommandLine, OptionsStop> parse_command_line(const std::string& name, int argc, const char* const* argv) {
  CommandLine line;
  if (name == "pl-template" && argc > 1 && std::string_view(argv[1]) == "build") {
    auto build = parse_run_options(argc - 1, argv + 1, LineOf::TemplateBuild);
    if (!build) return std::unexpected(build.error());
    line.action = "build";
    line.json = build->json;
    line.build = std::move(*build);
    return line;
  }
  const auto command = std::ranges::find_if(kCommands, [&](const Command& each) { return name == each.name; });
  if (command == std::end(kCommands)) return wrong(name, "no such command");
  CLI::App app(command->what, name);
  command->add(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return std::unexpected(OptionsStop{0, app.help()});
  } catch (const CLI::ParseError& error) {
    return wrong(name, error.what());
  }
  for (const CLI::App* action : app.get_subcommands()) line.action = action->get_name();
  if ((name == "pl-rm" || line.action == "rm") && line.names.empty() != line.all)
    return wrong(name, "name some, or --all");
  return line;
}

std::optional<OptionsStop> check_command_line(const std::string& name, int argc, const char* const* argv) {
  if (name == "pl-run") {
    auto options = parse_run_options(argc, argv);
    return options ? std::nullopt : std::optional(options.error());
  }
  auto line = parse_command_line(name, argc, argv);
  return line ? std::nullopt : std::optional(line.error());
}

}  // namespace pl
