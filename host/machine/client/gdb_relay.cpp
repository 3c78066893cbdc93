// SPDX-License-Identifier: BSD-2-Clause
#include "gdb_relay.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "../system/descriptor.h"
#include "session.h"

namespace pl::machine {
namespace {

volatile sig_atomic_t over = 0;

void end_soon(int) { over = 1; }

int carry(int connection, const std::string& name) {
  const int on = 1;
  ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::dup2(connection, STDIN_FILENO);
  ::dup2(connection, STDOUT_FILENO);
  return run_in_machine({"pl-run", {"/usr/bin/pl-run", "--gdb-connect", name}, plain_environment()});
}

// One connection at a time, as there is one program. SIGTERM is heard only while none is carried: what is on its way gets there.
[[noreturn]] void serve(int listener, const std::string& name, pid_t parent) {
  ::setsid();  // a terminal's signals are for the program
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, &before);
  struct sigaction action {};
  action.sa_handler = end_soon;
  ::sigaction(SIGTERM, &action, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  while (!over && ::getppid() == parent) {
    pollfd entry{listener, POLLIN, 0};
    if (::ppoll(&entry, 1, nullptr, &before) <= 0) continue;
    const int connection = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    const pid_t carrier = ::fork();
    if (carrier == 0) {
      ::close(listener);
      ::signal(SIGTERM, SIG_DFL);
      ::sigprocmask(SIG_SETMASK, &before, nullptr);
      ::_exit(carry(connection, name));
    }
    ::close(connection);
    while (carrier > 0 && ::waitpid(carrier, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  ::_exit(0);
}

}  // namespace

std::expected<GdbRelay, std::string> GdbRelay::start(uint16_t port) {
  Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 || ::listen(listener.get(), 1) < 0)
    return std::unexpected(fmt::format("--gdb: 127.0.0.1:{}: {}; --gdb without a number takes a port that is free", port, std::strerror(errno)));
  socklen_t size = sizeof address;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);

  uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) return std::unexpected("--gdb: no random number");
  const std::string name = fmt::format("penglai-gdb-{:x}", random);
  const pid_t self = ::getpid(), process = ::fork();
  if (process < 0) return std::unexpected(fmt::format("--gdb: {}", std::strerror(errno)));
  if (process == 0) serve(listener.get(), name, self);
  ::setenv("PENGLAI_GDB_SOCKET", name.c_str(), 1);
  return GdbRelay(ntohs(address.sin_port), process);
}

GdbRelay::~GdbRelay() {
  if (process_ < 0) return;
  ::kill(process_, SIGTERM);
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
}

}  // namespace pl::machine
