// SPDX-License-Identifier: BSD-2-Clause
#include "registry/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace pl {
namespace {

constexpr size_t kConnectionsMax = 64;
constexpr int kPatience = 5000;  // milliseconds

void call_by_signal(int descriptor) {
  fcntl(descriptor, F_SETOWN, getpid());
  fcntl(descriptor, F_SETFL, O_NONBLOCK | O_ASYNC);
}

}  // namespace

Control::Control(int listener, Answer answer) : listener_(listener), answer_(std::move(answer)) { call_by_signal(listener_); }

void Control::attend() {
  for (;;) {
    Descriptor socket(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.get() < 0) break;
    if (connections_.size() >= kConnectionsMax) continue;
    call_by_signal(socket.get());
    connections_.push_back({std::move(socket)});
  }
  std::erase_if(connections_, [this](Connection& connection) { return !serve(connection); });
}

// False: it is over.
bool Control::serve(Connection& connection) {
  std::string request(kControlMessage, '\0');
  for (;;) {
    ssize_t size = recv(connection.socket.get(), request.data(), request.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return true;
    if (size <= 0) return false;
    const std::string answer = answer_(request.substr(0, static_cast<size_t>(size)));
    if (answer.empty()) connection.waits = true;
    // Who does not take its answers is not worth waiting for.
    else if (send(connection.socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return false;
  }
}

void Control::tell(const std::string& text) {
  attend();
  for (Connection& connection : connections_)
    if (connection.waits) send(connection.socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::expected<std::string, int> receive(int connection, Patience patience) {
  pollfd entry{connection, POLLIN, 0};
  int ready;
  do ready = poll(&entry, 1, patience == Patience::Endless ? -1 : kPatience);
  while (ready < 0 && errno == EINTR);
  if (ready == 0) return std::unexpected(ETIMEDOUT);
  std::string answer(kControlMessage, '\0');
  ssize_t size = recv(connection, answer.data(), answer.size(), 0);
  if (size <= 0) return std::unexpected(ECONNRESET);
  answer.resize(static_cast<size_t>(size));
  return answer;
}

std::expected<std::string, int> ask(int connection, const std::string& request, Patience patience) {
  if (send(connection, request.data(), request.size(), MSG_NOSIGNAL) < 0) return std::unexpected(ECONNRESET);
  return receive(connection, patience);
}

}  // namespace pl
