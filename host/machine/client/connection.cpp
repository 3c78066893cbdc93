// SPDX-License-Identifier: BSD-2-Clause
#include "connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

namespace pl::machine {
namespace {

Descriptor connect_to(const std::filesystem::path& path) {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) socket.reset();
  return socket;
}

// The daemon program stands beside this one.
[[noreturn]] void become_daemon(const std::string& configuration, int tell) {
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) ::dup2(null, fd);
  // Whatever else the client was given by its parent (a pipe of make's, say) must not be held open for ten minutes.
  ::dup2(tell, 3);
  ::close_range(4, ~0u, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "pl-machined";
  if (::chdir("/") == 0) ::execl(program.c_str(), program.c_str(), "--configuration", configuration.c_str(), "--tell", "3", nullptr);
  const std::string line = fmt::format("cannot start {}: {}\n", program.string(), std::strerror(errno));
  [[maybe_unused]] const ssize_t written = ::write(3, line.data(), line.size());
  ::_exit(125);
}

// Returns when the daemon listens. An error is a line for the user.
std::expected<void, std::string> start_daemon(const Directory& directory, const Configuration& configuration) {
  // One client starts it, the others wait here and find it started.
  const Descriptor lock(::open(directory.start_lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return std::unexpected(fmt::format("{}: {}", directory.start_lock().string(), std::strerror(errno)));
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return std::unexpected(fmt::format("{}: {}", directory.start_lock().string(), std::strerror(errno)));
  }
  if (connect_to(directory.socket())) return {};
  if (const auto missing = missing_image(configuration.images)) return std::unexpected(*missing);

  int news[2];
  if (::pipe2(news, O_CLOEXEC) != 0) return std::unexpected(std::strerror(errno));
  const Descriptor read_end(news[0]);
  Descriptor write_end(news[1]);
  const std::string text = encode(configuration);
  const pid_t child = ::fork();
  if (child < 0) return std::unexpected(std::strerror(errno));
  if (child == 0) {
    // Twice, so that the daemon is nobody's child who would have to wait for it.
    if (::fork() != 0) ::_exit(0);
    become_daemon(text, write_end.get());
  }
  write_end.reset();
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::string line;
  char c;
  for (;;) {
    const ssize_t size = ::read(read_end.get(), &c, 1);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::unexpected("the machine's daemon ended before it was there; log: " + directory.log().string());
    if (c == '\n') break;
    line += c;
  }
  if (!line.empty()) return std::unexpected(line);
  return {};
}

}  // namespace

bool Connection::send(Type type, std::span<const std::byte> payload) {
  Bytes bytes;
  append(bytes, type, 0, 0, payload);
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t size = ::send(fd_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    done += static_cast<size_t>(size);
  }
  return true;
}

std::optional<Frame> Connection::receive() {
  for (;;) {
    const auto frame = reader_.next();
    if (!frame) return std::nullopt;
    if (*frame) return **frame;
    const auto space = reader_.space();
    const ssize_t size = ::read(fd_.get(), space.data(), space.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    reader_.commit(static_cast<size_t>(size));
  }
}

namespace {

enum class Greeting { kWelcome, kAgain, kGone };

std::expected<Greeting, std::string> greet(Connection& connection, Welcome& welcome, const std::string& fingerprint) {
  if (!connection.send(Type::kHello, encode(Hello{kProtocolVersion, fingerprint, ""}))) return Greeting::kGone;
  const auto frame = connection.receive();
  if (!frame) return Greeting::kGone;
  if (frame->type == Type::kRefused) {
    const auto refused = decode<Refused>(frame->payload);
    if (!refused) return std::unexpected("the daemon's answer cannot be read");
    if (refused->reason == Refusal::kOutdated || refused->reason == Refusal::kStopping) return Greeting::kAgain;
    return std::unexpected(refused->text);
  }
  if (frame->type == Type::kLost) return std::unexpected(decode_text(frame->payload));
  if (frame->type != Type::kWelcome) return std::unexpected("the daemon's answer cannot be read");
  try {
    const auto json = nlohmann::json::parse(decode_text(frame->payload));
    welcome = {json.at("log"), json.at("outdated"), json.at("commands"), json.at("up")};
  } catch (const nlohmann::json::exception&) {
    return std::unexpected("the daemon's answer cannot be read");
  }
  return Greeting::kWelcome;
}

}  // namespace

Connection::Result<std::optional<Connection>> Connection::find(const Directory& directory) {
  Connection connection;
  connection.fd_ = connect_to(directory.socket());
  if (!connection.fd_) return std::nullopt;
  const auto greeting = greet(connection, connection.welcome_, "");
  if (!greeting) return std::unexpected(greeting.error());
  if (*greeting != Greeting::kWelcome) return std::nullopt;
  return connection;
}

Connection::Result<Connection> Connection::open(const Directory& directory, const Configuration& configuration) {
  // A machine that is about to end may be met more than once, but not often: it takes its socket away first.
  for (int attempt = 0; attempt < 20; ++attempt) {
    Connection connection;
    connection.fd_ = connect_to(directory.socket());
    if (!connection.fd_) {
      if (const auto started = start_daemon(directory, configuration); !started) return std::unexpected(started.error());
      continue;
    }
    const auto greeting = greet(connection, connection.welcome_, configuration.fingerprint);
    if (!greeting) return std::unexpected(greeting.error());
    if (*greeting == Greeting::kWelcome) return connection;
    ::usleep(20'000);
  }
  return std::unexpected("the machine ends as soon as it is started; log: " + directory.log().string());
}

}  // namespace pl::machine
