// SPDX-License-Identifier: BSD-2-Clause
// pl-machined: keeps the embedded machine warm for the commands of one user. Started by them, on demand.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>

#include "server.h"

namespace pl::machine {
namespace {

// Tells the client that waits, once, and closes: an empty line means that the socket is there.
void tell(Descriptor& client, const std::string& line) {
  if (!client) return;
  const std::string text = line + "\n";
  // A client that has not waited needs no news.
  [[maybe_unused]] const ssize_t written = ::write(client.get(), text.data(), text.size());
  client.reset();
}

// An earlier daemon that is on its way down still holds the lock for a while.
bool lock(const Descriptor& file) {
  for (int attempt = 0; attempt < 1000; ++attempt, ::usleep(10'000)) {
    if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return false;
  }
  return false;
}

Descriptor listen_at(const std::filesystem::path& path) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  // With the lock held, a socket that is there is a dead one's.
  ::unlink(path.c_str());
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return Descriptor();
  if (::listen(socket.get(), 128) != 0) return Descriptor();
  return socket;
}

int run(const std::string& configuration_text, Descriptor client) {
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  auto fail = [&client](const std::string& line) {
    tell(client, line);
    return 125;
  };
  const auto directory = runtime_directory();
  if (!directory) return fail(directory.error());
  const auto configuration = decode_configuration(configuration_text);
  if (!configuration) return fail(configuration.error());
  const Descriptor held(::open(directory->daemon_lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!held) return fail(fmt::format("{}: {}", directory->daemon_lock().string(), std::strerror(errno)));
  if (!lock(held)) return fail("another machine is running and does not end; try pl-machine stop --force");
  const std::string number = fmt::format("{}\n", ::getpid());
  if (::ftruncate(held.get(), 0) != 0 || ::pwrite(held.get(), number.data(), number.size(), 0) < 0) {
    return fail(fmt::format("{}: {}", directory->daemon_lock().string(), std::strerror(errno)));
  }
  Descriptor listener = listen_at(directory->socket());
  if (!listener) return fail(fmt::format("{}: {}", directory->socket().string(), std::strerror(errno)));
  // The log of the last one may be the log of its crash.
  ::rename(directory->log().c_str(), directory->old_log().c_str());
  Descriptor log(::open(directory->log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log) return fail(fmt::format("{}: {}", directory->log().string(), std::strerror(errno)));
  ::dup2(log.get(), STDOUT_FILENO);
  ::dup2(log.get(), STDERR_FILENO);
  Server server(*configuration, *directory, std::move(listener), std::move(log));
  if (const auto started = server.start(); !started) {
    ::unlink(directory->socket().c_str());
    return fail(started.error());
  }
  tell(client, "");
  return server.run();
}

}  // namespace
}  // namespace pl::machine

int main(int argc, char** argv) {
  CLI::App app("Keeps the embedded machine running. Started on demand by pl-run and its sister commands; see pl-machine.");
  std::string configuration;
  int client = -1;
  app.add_option("--configuration", configuration, "Settings and images, as JSON")->required();
  app.add_option("--tell", client, "Descriptor of the client that waits");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 125;
  }
  return pl::machine::run(configuration, pl::machine::Descriptor(client));
}
