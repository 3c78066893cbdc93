// SPDX-License-Identifier: BSD-2-Clause
#include "run/detach.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "run/say.h"

namespace pl {

bool Starter::report(int status, const std::string& text) {
  if (pipe_.get() < 0) return false;
  const std::string line = std::to_string(status) + " " + text;
  const bool taken = write(pipe_.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
  pipe_ = Descriptor();
  return taken;
}

bool Starter::started(const Entry& entry) {
  const Descriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  dup2(null.get(), STDIN_FILENO);
  dup2(entry.out().get(), STDOUT_FILENO);
  dup2(entry.err().get(), STDERR_FILENO);
  return report(0, entry.name());
}

void Starter::failed(const Failure& failure) { report(failure.status, failure.message); }

std::expected<Starter, int> detach() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) {
    say(std::string("-d: ") + std::strerror(errno));
    return std::unexpected(kOwnFailure);
  }
  Descriptor read_end(ends[0]), write_end(ends[1]);
  const pid_t child = fork();
  if (child < 0) {
    say(std::string("-d: ") + std::strerror(errno));
    return std::unexpected(kOwnFailure);
  }
  if (child == 0) {
    setsid();
    return Starter(std::move(write_end));
  }
  write_end = Descriptor();
  std::string line;
  char part[512];
  for (ssize_t size; (size = read(read_end.get(), part, sizeof part)) > 0 || (size < 0 && errno == EINTR);)
    if (size > 0) line.append(part, static_cast<size_t>(size));
  const size_t space = line.find(' ');
  if (space == line.npos) {
    say("-d: the serving process ended before it had started anything");
    return std::unexpected(kOwnFailure);
  }
  const int status = std::atoi(line.c_str());
  if (status) say(line.substr(space + 1));
  else std::printf("%s\n", line.c_str() + space + 1);
  return std::unexpected(status);
}

}  // namespace pl
