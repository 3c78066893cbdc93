// SPDX-License-Identifier: BSD-2-Clause
// What the daemon has to do with the agent in the machine.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "server.h"

namespace pl::machine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPingTime = 15s;
constexpr auto kSilence = 90s;

}  // namespace

void Server::on_port(uint32_t events) {
  if (events & EPOLLOUT) flush_port();
  if (events & (EPOLLIN | EPOLLHUP)) receive_from_agent();
}

void Server::receive_from_agent() {
  const std::span<std::byte> space = port_reader_.space();
  const ssize_t size = ::read(board_.port.get(), space.data(), space.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    port_watch_.reset();  // QEMU is ending; its exit says more
    return;
  }
  heard_ = Loop::Clock::now();
  port_reader_.commit(static_cast<size_t>(size));
  for (;;) {
    const auto frame = port_reader_.next();
    if (!frame) return lose(fmt::format("its agent talks nonsense: {}", describe(frame.error())));
    if (!*frame) return;
    handle_agent(**frame);
  }
}

void Server::handle_agent(const Frame& frame) {
  if (frame.session == 0) {
    if (const auto pool = decode<Pool>(frame.payload); pool && frame.type == Type::kPool) {
      instances_ = pool->enclaves - std::min(pool->enclaves, pool->templates);
      ++pools_told_;
      for (auto& [id, each] : clients_) counted(*each, pools_told_);
      return answer_status(*pool);
    }
    if (frame.type != Type::kReady || state_ != State::kStarting) return;
    const auto hello = decode<Hello>(frame.payload);
    if (!hello || hello->version != kProtocolVersion) return lose("its agent speaks another version of the protocol; build the images again");
    release_ = hello->text;
    ready_ = Loop::Clock::now();
    state_ = State::kRunning;
    console_.note(fmt::format("up after {:.2f} s", seconds(ready_ - started_)));
    ping();
    for (auto& [id, client] : clients_) {
      if (client->gone || !client->greeted) continue;
      port_out_.push(client->held);
      client->held = {};
      send(*client, Type::kUp, {});
    }
    return flush_port();
  }
  const auto found = sessions_.find(frame.session);
  if (found == sessions_.end()) return;
  Client& client = *found->second;
  append(client.out.tail(), frame.type, 0, frame.stream, frame.payload);
  if (frame.type == Type::kExit || frame.type == Type::kFailed) {
    sessions_.erase(found);
    client.session = 0;
    last_use_ = Loop::Clock::now();
    // It may have left instances that go on without it.
    loop_.after(300ms, [this] { ask_pool(); });
  }
  flush(client);
}

void Server::flush_port() {
  const bool was_full = port_out_.size() >= kPortFull;
  while (!port_out_.empty()) {
    const auto front = port_out_.front();
    const ssize_t size = ::send(board_.port.get(), front.data(), front.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) break;
    port_out_.pop(static_cast<size_t>(size));
  }
  port_watch_.want(EPOLLIN | (port_out_.empty() ? 0u : uint32_t{EPOLLOUT}));
  const bool full = port_out_.size() >= kPortFull;
  if (full == was_full && !full) return;
  for (auto& [id, client] : clients_) {
    if (!client->gone) client->watch.want((full ? 0u : uint32_t{EPOLLIN}) | EPOLLRDHUP | (client->out.empty() ? 0u : uint32_t{EPOLLOUT}));
  }
}

void Server::ping() {
  if (state_ != State::kRunning) return;
  if (heard_ != Loop::Clock::time_point{} && Loop::Clock::now() - heard_ > kSilence) return lose("its agent does not answer any more");
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  Bytes time;
  Writer(time).integer(static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec));
  append(port_out_.tail(), Type::kPing, 0, 0, time);
  ask_pool();
  loop_.after(kPingTime, [this] { ping(); });
}

}  // namespace pl::machine
