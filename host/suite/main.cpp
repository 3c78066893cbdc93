// SPDX-License-Identifier: BSD-2-Clause
// pl-suite, inside the machine: a plan on standard input, an outcome a line on standard output.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "suite/runner.h"

namespace pl::suite {
namespace {

std::string read_input() {
  std::string text;
  char piece[65536];
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(piece, static_cast<size_t>(got));
  }
}

int complain(const pl::Failure& failure) {
  fmt::print(stderr, "pl-suite: {}\n", failure.message);
  return failure.status;
}

void write_line(std::string_view line) {
  while (!line.empty()) {
    const ssize_t wrote = write(STDOUT_FILENO, line.data(), line.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) _exit(kOwnFailure);  // nobody reads it any more: what runs ends with us
    line.remove_prefix(static_cast<size_t>(wrote));
  }
}

}  // namespace
}  // namespace pl::suite

int main() {
  using namespace pl::suite;
  umask(022);
  signal(SIGPIPE, SIG_IGN);
  auto plan = plan_from(read_input());
  if (!plan) return complain({pl::kOwnFailure, "the plan cannot be read: " + plan.error()});
  const Tell tell = [](const Outcome& outcome) { write_line(to_line(outcome)); };
  auto status = plan->native ? run_on_linux(*plan, tell) : run_in_enclaves(*plan, tell);
  return status ? *status : complain(status.error());
}
