// SPDX-License-Identifier: BSD-2-Clause
#include "server.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace pl::machine {
namespace {

using namespace std::chrono_literals;

constexpr auto kBootTime = 120s;  // for a machine with eight harts on a busy computer

}  // namespace

Server::Server(Configuration configuration, Directory directory, Descriptor listener, Descriptor log)
    : configuration_(std::move(configuration)), directory_(std::move(directory)), listener_(std::move(listener)), console_(std::move(log)) {}

Server::~Server() {
  if (board_.process > 0) ::kill(board_.process, SIGKILL);
  ::unlink(directory_.qmp().c_str());
}

std::expected<void, std::string> Server::start() {
  auto board = start_board(configuration_, directory_);
  if (!board) return std::unexpected(board.error());
  board_ = std::move(*board);
  return {};
}

int Server::run() {
  accept_watch_ = Loop::Watch(loop_, listener_.get(), EPOLLIN, [this](uint32_t) { accept(); });
  loop_.each_round([this] { after_events(); });
  port_watch_ = Loop::Watch(loop_, board_.port.get(), EPOLLIN, [this](uint32_t events) { on_port(events); });
  console_watch_ = Loop::Watch(loop_, board_.console.get(), EPOLLIN, [this](uint32_t) { on_console(); });
  exit_watch_ = Loop::Watch(loop_, board_.pidfd.get(), EPOLLIN, [this](uint32_t) { on_exit(); });
  loop_.after(kBootTime, [this] {
    if (state_ == State::kStarting) lose("it did not come up in time");
  });
  watch_idle();
  loop_.run();
  return exit_status_;
}

void Server::on_console() {
  char text[4096];
  const ssize_t size = ::read(board_.console.get(), text, sizeof(text));
  if (size > 0) return console_.print({text, static_cast<size_t>(size)});
  if (size == 0) console_watch_.reset();
}

void Server::on_exit() {
  exit_watch_.reset();
  for (;;) {
    char text[4096];
    const ssize_t size = ::read(board_.console.get(), text, sizeof(text));
    if (size <= 0) break;
    console_.print({text, static_cast<size_t>(size)});
  }
  int status = 0;
  ::waitpid(board_.process, &status, 0);
  board_.process = -1;
  if (state_ == State::kStopping) {
    console_.note("off");
    for (auto& [id, client] : clients_) {
      if (client->awaits_stop) send(*client, Type::kStopped, {});
    }
    return loop_.stop();
  }
  std::string how = WIFSIGNALED(status) ? fmt::format("QEMU was killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)))
                                        : fmt::format("QEMU ended with status {}", WEXITSTATUS(status));
  if (!WIFSIGNALED(status) && WEXITSTATUS(status) != 0 && !console_.last_line().empty()) how += ": " + console_.last_line();
  lose(console_.last_words() ? *console_.last_words() : how);
}

void Server::watch_idle() {
  if (configuration_.settings.idle == 0s || state_ == State::kStopping) return;
  const auto now = Loop::Clock::now();
  if (!clients_.empty() || instances_) last_use_ = now;
  if (now - last_use_ >= configuration_.settings.idle) {
    console_.note("idle: the machine is stopped");
    return begin_stop();
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(last_use_ + configuration_.settings.idle - now);
  loop_.after(std::clamp<std::chrono::milliseconds>(left, 100ms, 60s), [this] { watch_idle(); });
}

void Server::begin_stop() {
  if (state_ == State::kStopping) return;
  const bool agent = state_ == State::kRunning;
  state_ = State::kStopping;
  // Who comes from now on finds no socket, and starts a daemon that waits for this one's end.
  ::unlink(directory_.socket().c_str());
  if (board_.process < 0) return loop_.stop();
  if (agent) {
    append(port_out_.tail(), Type::kPowerOff, 0, 0, {});
    flush_port();
  }
  loop_.after(agent ? 3000ms : 0ms, [this] { quit_board(directory_); });
  loop_.after(agent ? 5000ms : 1000ms, [this] {
    if (board_.process > 0) ::kill(board_.process, SIGKILL);
  });
}

void Server::lose(const std::string& why) {
  if (state_ == State::kStopping) return;
  state_ = State::kStopping;
  exit_status_ = 1;
  ::unlink(directory_.socket().c_str());
  console_.note("the machine is lost: " + why);
  accept();  // one who waits at the door shall hear it, too
  const std::string text = fmt::format("the machine has crashed: {}\n(log: {})", why, directory_.log().string());
  for (auto& [id, client] : clients_) send(*client, Type::kLost, encode_text(text));
  if (board_.process > 0) ::kill(board_.process, SIGKILL);
  // What the clients had already been sent goes first, if they take it.
  loop_.after(std::ranges::all_of(clients_, [](const auto& entry) { return entry.second->out.empty(); }) ? 0ms : 2000ms, [this] { loop_.stop(); });
}

void Server::after_events() {
  std::erase_if(clients_, [](const auto& entry) { return entry.second->gone; });
  if (console_.last_words() && state_ != State::kStopping) lose(*console_.last_words());
}

}  // namespace pl::machine
