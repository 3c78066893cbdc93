// SPDX-License-Identifier: BSD-2-Clause
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "gdb/debugger.h"

namespace pl {
namespace {

constexpr int kFailed = 125;

// A name in the machine, which goes with the socket: abstract (unix(7)).
struct Name {
  sockaddr_un address{};
  socklen_t size = 0;

  explicit Name(std::string_view name) {
    address.sun_family = AF_UNIX;
    const size_t length = std::min(name.size(), sizeof address.sun_path - 1);
    name.copy(address.sun_path + 1, length);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

std::expected<Descriptor, std::string> listen_at(const char* socket_name) {
  const Name name(socket_name);
  Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(listener.get(), name.get(), name.size) < 0 || listen(listener.get(), 1) < 0)
    return std::unexpected(fmt::format("{}: {}", socket_name, std::strerror(errno)));
  return listener;
}

// Until `from` has no more; false then.
bool carry(int from, int to) {
  char bytes[16384];
  const ssize_t got = read(from, bytes, sizeof bytes);
  if (got < 0) return errno == EINTR;
  for (ssize_t done = 0; done < got;) {
    const ssize_t written = write(to, bytes + done, static_cast<size_t>(got - done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    done += written;
  }
  return got > 0;
}

}  // namespace

std::expected<Descriptor, std::string> listen_for_gdb(uint16_t& port) {
  if (const char* name = std::getenv("PENGLAI_GDB_SOCKET")) return listen_at(name);
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || listen(listener.get(), 1) < 0)
    return std::unexpected(fmt::format("127.0.0.1:{}: {}; --gdb without a number takes a port that is free", port, std::strerror(errno)));
  socklen_t size = sizeof address;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  setsockopt(listener.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return listener;
}

int carry_to_gdb_socket(const char* socket_name) {
  signal(SIGPIPE, SIG_IGN);
  const Name name(socket_name);
  Descriptor connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(connection.get(), name.get(), name.size) < 0) return kFailed;
  for (;;) {
    pollfd entries[] = {{STDIN_FILENO, POLLIN, 0}, {connection.get(), POLLIN, 0}};
    if (poll(entries, 2, -1) < 0) continue;
    if (entries[0].revents && !carry(STDIN_FILENO, connection.get())) return 0;
    if (entries[1].revents && !carry(connection.get(), STDOUT_FILENO)) return 0;
  }
}

}  // namespace pl
