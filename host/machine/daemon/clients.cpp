// SPDX-License-Identifier: BSD-2-Clause
// What the daemon has to do with its clients.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "server.h"

namespace pl::machine {
namespace {

using namespace std::chrono_literals;

// Credits bound what can wait for a client; more is a client that cheats.
constexpr size_t kClientFull = 8u << 20;
constexpr size_t kHeldMost = kMaxSpawn + (1u << 20);

Identity identity_of(int socket) {
  Identity identity;
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
  identity.user = credentials.uid;
  identity.group = credentials.gid;
  identity.groups.resize(1024);
  size = static_cast<socklen_t>(identity.groups.size() * sizeof(uint32_t));
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, identity.groups.data(), &size) != 0) size = 0;
  identity.groups.resize(size / sizeof(uint32_t));
  return identity;
}

}  // namespace

void Server::accept() {
  Descriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return;
  auto client = std::make_unique<Client>();
  client->id = next_client_++;
  client->identity = identity_of(fd.get());
  client->fd = std::move(fd);
  Client& added = *client;
  clients_.emplace(added.id, std::move(client));
  added.watch = Loop::Watch(loop_, added.fd.get(), EPOLLIN, [this, &added](uint32_t events) { on_client(added, events); });
}

void Server::on_client(Client& client, uint32_t events) {
  if (client.gone) return;
  if (events & EPOLLOUT) flush(client);
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) receive(client);
}

void Server::receive(Client& client) {
  const std::span<std::byte> space = client.reader.space();
  const ssize_t size = ::read(client.fd.get(), space.data(), space.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return drop(client);
  client.reader.commit(static_cast<size_t>(size));
  while (!client.gone) {
    const auto frame = client.reader.next();
    if (!frame) return refuse(client, Refusal::kProtocol, describe(frame.error()));
    if (!*frame) return;
    handle(client, **frame);
  }
}

void Server::handle(Client& client, const Frame& frame) {
  if (frame.type == Type::kHello) return greet(client, frame);
  if (!client.greeted) return refuse(client, Refusal::kProtocol, "no greeting");
  switch (frame.type) {
    case Type::kGetStatus:
      return get_status(client);
    case Type::kStop:
      return stop_for(client, !frame.payload.empty() && frame.payload[0] == std::byte{1});
    case Type::kSpawn: case Type::kData: case Type::kCredit: case Type::kEnd: case Type::kClose: case Type::kSignal: case Type::kResize:
      return relay(client, frame);
    default:
      return refuse(client, Refusal::kProtocol, "a frame that a client may not send");
  }
}

void Server::greet(Client& client, const Frame& frame) {
  const auto hello = decode<Hello>(frame.payload);
  if (!hello || hello->version != kProtocolVersion) {
    return refuse(client, Refusal::kVersion, fmt::format("the running machine speaks version {} of its protocol; stop it first", kProtocolVersion));
  }
  if (state_ == State::kStopping) return refuse(client, Refusal::kStopping, "the machine is on its way down");
  const bool outdated = !hello->fingerprint.empty() && hello->fingerprint != configuration_.fingerprint;
  const auto used = [this] { return std::ranges::any_of(clients_, [](const auto& entry) { return entry.second->greeted; }); };
  if (!outdated || used()) return welcome(client, outdated);
  count_afresh(client, [this, &client, used] {
    if (instances_ || used()) return welcome(client, true);
    console_.note("settings or images have changed: the machine makes room for a new one");
    refuse(client, Refusal::kOutdated, "the machine has older settings or images");
    begin_stop();
  });
}

void Server::welcome(Client& client, bool outdated) {
  client.greeted = true;
  const nlohmann::json text = {{"log", directory_.log().string()},
                               {"outdated", outdated},
                               {"commands", commands()},
                               {"up", state_ == State::kRunning}};
  send(client, Type::kWelcome, encode_text(text.dump()));
}

void Server::relay(Client& client, const Frame& frame) {
  if (frame.type == Type::kSpawn && client.session == 0) {
    client.session = next_session_++;
    if (next_session_ == 0) next_session_ = 1;
    sessions_[client.session] = &client;
    append(state_ == State::kRunning ? port_out_.tail() : client.held, Type::kOpen, client.session, 0, encode(client.identity));
  }
  // After the command's end, what was on its way to it is for nobody.
  if (client.session == 0) return;
  Bytes& out = state_ == State::kRunning ? port_out_.tail() : client.held;
  append(out, frame.type, client.session, frame.stream, frame.payload);
  if (client.held.size() > kHeldMost) return refuse(client, Refusal::kProtocol, "more than was asked for");
  if (state_ == State::kRunning) flush_port();
}

void Server::stop_for(Client& client, bool force) {
  if (!force) return count_afresh(client, [this, &client] { stop_if_unused(client); });
  client.awaits_stop = true;
  for (auto& [session, other] : sessions_) send(*other, Type::kLost, encode_text("the machine was stopped by pl-machine stop --force"));
  begin_stop();
}

void Server::stop_if_unused(Client& client) {
  const auto busy = [&](uint64_t count, std::string_view what, std::string_view hint) {
    send(client, Type::kRefused, encode(Refused{Refusal::kBusy, fmt::format("{} {}{} still running in the machine{}", count, what, count == 1 ? " is" : "s are", hint)}));
  };
  if (commands() > 0) return busy(commands(), "command", "");
  if (instances_ > 0) return busy(instances_, "detached instance", " (pl-ps shows them)");
  client.awaits_stop = true;
  begin_stop();
}

void Server::send(Client& client, Type type, std::span<const std::byte> payload) {
  if (client.gone) return;
  append(client.out.tail(), type, 0, 0, payload);
  flush(client);
}

void Server::refuse(Client& client, Refusal reason, const std::string& text) {
  send(client, Type::kRefused, encode(Refused{reason, text}));
  drop(client);
}

void Server::flush(Client& client) {
  while (!client.out.empty()) {
    const auto front = client.out.front();
    const ssize_t size = ::send(client.fd.get(), front.data(), front.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) return drop(client);
    if (size < 0) break;
    client.out.pop(static_cast<size_t>(size));
  }
  if (client.out.size() > kClientFull) return drop(client);
  const uint32_t input = port_out_.size() < kPortFull ? uint32_t{EPOLLIN} : 0u;
  client.watch.want(input | EPOLLRDHUP | (client.out.empty() ? 0u : uint32_t{EPOLLOUT}));
}

void Server::drop(Client& client) {
  if (client.gone) return;
  client.gone = true;
  client.watch.reset();
  if (client.session) {
    sessions_.erase(client.session);
    if (state_ == State::kRunning) {
      append(port_out_.tail(), Type::kHangup, client.session, 0, {});
      flush_port();
    }
    client.session = 0;
  }
  last_use_ = Loop::Clock::now();
}

size_t Server::commands() const { return sessions_.size(); }

uint64_t Server::ask_pool() {
  append(port_out_.tail(), Type::kGetPool, 0, 0, {});
  flush_port();
  return ++pools_asked_;
}

// What is decided by the number of instances is decided by one that was asked for after the question came up: one ended, or one
// begun, a moment ago is in it. An agent that is too slow leaves the last number.
void Server::count_afresh(Client& client, std::function<void()> then) {
  if (state_ != State::kRunning) return then();
  client.awaits_count = std::move(then);
  client.count = ask_pool();
  loop_.after(2000ms, [this, id = client.id, count = client.count] {
    if (const auto found = clients_.find(id); found != clients_.end()) counted(*found->second, count);
  });
}

void Server::counted(Client& client, uint64_t answer) {
  if (client.gone || !client.awaits_count || client.count > answer) return;
  std::exchange(client.awaits_count, nullptr)();
}

void Server::get_status(Client& client) {
  if (state_ != State::kRunning) return send(client, Type::kStatus, encode_text(status({})));
  // The agent knows what the enclaves use. If it is too slow, the rest must do.
  client.awaits_status = true;
  ask_pool();
  loop_.after(2000ms, [this] { answer_status({}); });
}

void Server::answer_status(const Pool& pool) {
  const std::string text = status(pool);
  for (auto& [id, client] : clients_) {
    if (std::exchange(client->awaits_status, false)) send(*client, Type::kStatus, encode_text(text));
  }
}

std::string Server::status(const Pool& pool) const {
  const char* const names[] = {"starting", "running", "stopping"};
  nlohmann::json json = to_json(configuration_.settings);
  json["state"] = names[static_cast<int>(state_)];
  json["pid"] = ::getpid();
  json["qemu_pid"] = board_.process;
  json["uptime_seconds"] = seconds(Loop::Clock::now() - started_);
  json["boot_seconds"] = state_ == State::kRunning ? nlohmann::json(seconds(ready_ - started_)) : nlohmann::json();
  json["kernel_release"] = release_;
  json["commands"] = commands();
  json["clients"] = clients_.size() - 1;  // without the one that asks
  json["log"] = directory_.log().string();
  json["qmp"] = directory_.qmp().string();
  json["firmware"] = configuration_.images.firmware.string();
  json["kernel"] = configuration_.images.kernel.string();
  json["initramfs"] = configuration_.images.initramfs.string();
  json["pool_size"] = pool.size;
  json["pool_free"] = pool.free;
  json["enclaves"] = pool.enclaves;
  json["templates"] = pool.templates;
  json["forks"] = pool.forks;
  json["fingerprint"] = configuration_.fingerprint;
  return json.dump();
}

}  // namespace pl::machine
