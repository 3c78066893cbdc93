// SPDX-License-Identifier: BSD-2-Clause
// pl-bench on a machine that is not RISC-V: boots a machine of its own, with one hart that counts instructions, runs the command of the
// same name in it, and stops it. The machine that pl-run uses is left alone.
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string_view>

#include "bench/options.h"
#include "machine/client/session.h"

namespace pl::machine {
namespace {

constexpr const char* kName = "pl-bench";

int measure(int argc, char** argv) {
  auto configuration = current_configuration();
  if (!configuration) return complain(kName, configuration.error());
  Overrides overrides;
  overrides.harts = "1";
  overrides.icount = "shift=0,sleep=off";
  auto settings = override_settings(configuration->settings, overrides);
  if (!settings) return complain(kName, settings.error());
  configuration->settings = *settings;
  auto directory = runtime_directory();
  if (!directory) return complain(kName, directory.error());
  auto connection = Connection::open(*directory, *configuration);
  if (!connection) return complain(kName, connection.error());
  Request request{kName, {"/usr/bin/pl-bench"}, forwarded_environment()};
  request.arguments.insert(request.arguments.end(), argv + 1, argv + argc);
  return run(std::move(*connection), request);
}

void stop_machine() {
  auto directory = runtime_directory();
  if (!directory) return;
  auto connection = Connection::find(*directory);
  if (!connection || !*connection) return;
  const std::byte force[] = {std::byte{1}};
  if (!(*connection)->send(Type::kStop, force)) return;
  while (const auto frame = (*connection)->receive())
    if (frame->type == Type::kStopped || frame->type == Type::kLost) return;
}

int main(int argc, char** argv) {
  bench::Options options;
  if (auto status = bench::parse(argc, argv, options)) return *status;
  char place[] = "/tmp/pl-bench-XXXXXX";
  if (!mkdtemp(place)) return complain(kName, fmt::format("{}: {}", place, std::strerror(errno)));
  setenv("PENGLAI_RUNTIME_DIR", place, 1);
  // run() takes over this process's descriptors and signals: it has a process of its own, so that the machine is stopped whatever comes.
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) signal(number, SIG_IGN);
  const pid_t child = fork();
  if (child == 0) {
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) signal(number, SIG_DFL);
    exit(measure(argc, argv));
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return complain(kName, std::strerror(errno));
  stop_machine();
  std::error_code ignored;
  std::filesystem::remove_all(place, ignored);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace
}  // namespace pl::machine

int main(int argc, char** argv) { return pl::machine::main(argc, argv); }
