// SPDX-License-Identifier: BSD-2-Clause
// pl-logs: two files that grow, and the end of who writes them.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cstring>

#include "commands/instances.h"

namespace pl {
namespace {

// All there is behind what was copied before; false: the taker is gone.
bool copy(int from, int to) {
  char part[65536];
  for (ssize_t size; (size = read(from, part, sizeof part)) != 0;) {
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    for (ssize_t at = 0; at < size;) {
      ssize_t wrote = write(to, part + at, static_cast<size_t>(size - at));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return false;
      at += wrote;
    }
  }
  return true;
}

}  // namespace

int show_logs(const CommandLine& line) {
  const std::string& name = line.names.at(0);
  auto found = find_entry(name);
  if (!found) return complain("pl-logs", name + ": no such instance; pl-ps -a shows them");
  if (!found->description) return complain("pl-logs", name + ": it is not detached, and writes where its pl-run does");
  const std::string folder = *entry_folder(name);
  const Descriptor out(open((folder + "/out").c_str(), O_RDONLY | O_CLOEXEC)), err(open((folder + "/err").c_str(), O_RDONLY | O_CLOEXEC));
  if (out.get() < 0 || err.get() < 0) return complain("pl-logs", name + ": " + std::strerror(errno));
  // Watched before the first look, so that nothing is missed in between.
  const Descriptor watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  for (const char* which : {"/out", "/err"}) inotify_add_watch(watch.get(), (folder + which).c_str(), IN_MODIFY);
  for (bool alive = line.follow && found->alive();;) {
    if (!copy(out.get(), STDOUT_FILENO) || !copy(err.get(), STDERR_FILENO)) return kCommandFailed;
    if (!alive) return 0;
    // The server's end closes our connection to it.
    pollfd entries[] = {{watch.get(), POLLIN, 0}, {found->connection.get(), POLLIN, 0}};
    if (poll(entries, 2, -1) < 0) continue;
    char events[4096];
    while (read(watch.get(), events, sizeof events) > 0) {
    }
    if (entries[1].revents) alive = false;
  }
}

}  // namespace pl
