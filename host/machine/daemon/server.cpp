// SPDX-License-Identifier: BSD-2-Clause
#include "server.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace pl::machine {
namespace {

using namespace std::chrono_literals;

constexpr auto kBootTime = 120s;     // for a machine with eight harts on a busy computer
constexpr auto kPingTime = 15s;
constexpr auto kSilence = 90s;
constexpr size_t kPortFull = 1u << 20;
// Credits bound what can wait for a client; more is a client that cheats.
constexpr size_t kClientFull = 8u << 20;
constexpr size_t kHeldMost = kMaxSpawn + (1u << 20);

double seconds(Loop::Clock::duration time) { return std::chrono::duration<double>(time).count(); }

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

// ---- clients

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

// ---- agent

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

// ---- life

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
