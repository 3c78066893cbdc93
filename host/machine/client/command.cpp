// SPDX-License-Identifier: BSD-2-Clause
#include "command.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "runner.h"

namespace pl::machine {
namespace {

constexpr auto kPatience = std::chrono::seconds(2);
constexpr int kBackgroundMilliseconds = 250;
constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGUSR1, SIGUSR2};

}  // namespace

void Runner::say(const std::string& text) {
  if (terminal_) terminal_->restore();
  const std::string line = fmt::format("{}: {}\n", request_.name, text);
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

void Runner::take_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&taken_);
  for (int signal : kForwarded) {
    struct sigaction action{};
    ::sigaction(signal, nullptr, &action);
    // Ignored since before our time (nohup, a background job of a script): then it is not meant for the command either.
    if (action.sa_handler != SIG_IGN) ::sigaddset(&taken_, signal);
  }
  ::sigaddset(&taken_, SIGWINCH);
  ::sigprocmask(SIG_BLOCK, &taken_, nullptr);
  signals_ = Descriptor(::signalfd(-1, &taken_, SFD_CLOEXEC | SFD_NONBLOCK));
}

void Runner::send_spawn() {
  spawn_.arguments = request_.arguments;
  spawn_.environment = request_.environment;
  char directory[PATH_MAX];
  if (::getcwd(directory, sizeof(directory)) && directory[0] == '/') spawn_.directory = directory;
  spawn_.file_mask = ::umask(0);
  ::umask(static_cast<mode_t>(spawn_.file_mask));
  const Bytes bytes = encode(spawn_);
  std::span<const std::byte> rest(bytes);
  while (rest.size() > kMaxPayload) {
    append(out_.tail(), Type::kSpawn, 0, 0, rest.first(kMaxPayload));
    rest = rest.subspan(kMaxPayload);
  }
  append(out_.tail(), Type::kSpawn, 0, 1, rest);
}

void Runner::send(Type type, Stream stream, std::span<const std::byte> payload) {
  append(out_.tail(), type, 0, static_cast<uint8_t>(stream), payload);
}

void Runner::flush() {
  while (!out_.empty()) {
    const auto front = out_.front();
    const ssize_t size = ::send(connection_.fd(), front.data(), front.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;  // full, or gone, which reading will tell
    out_.pop(static_cast<size_t>(size));
  }
}

void Runner::receive() {
  const auto space = connection_.reader().space();
  const ssize_t size = ::recv(connection_.fd(), space.data(), space.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    if (!status_) {
      say("the machine is gone; log: " + connection_.welcome().log);
      end(kOurFailure);
    }
    lost_ = true;
    return;
  }
  connection_.reader().commit(static_cast<size_t>(size));
  for (;;) {
    const auto frame = connection_.reader().next();
    if (!frame) {
      say(fmt::format("the machine talks nonsense: {}", describe(frame.error())));
      lost_ = true;
      return end(kOurFailure);
    }
    if (!*frame) return;
    handle(**frame);
  }
}

void Runner::handle(const Frame& frame) {
  if (status_) return;
  switch (frame.type) {
    case Type::kUp:
    case Type::kSpawned:
      up_ = true;
      return;
    case Type::kData:
      return take(frame);
    case Type::kEnd:
      return;  // the sink stays: what is pending still goes there, and our end closes with us
    case Type::kCredit: {
      const auto size = decode_number(frame.payload);
      if (!size || !input_window_.granted(*size)) {
        say("the machine grants more than it was sent");
        end(kOurFailure);
      }
      return;
    }
    case Type::kClose:
      return close_input();
    case Type::kSuspended:
      if (const auto signal = decode_number(frame.payload)) suspend(static_cast<int>(*signal));
      return;
    case Type::kExit: {
      const auto exit = decode<Exit>(frame.payload);
      if (!exit) return end(kOurFailure);
      // What the command has not read belongs to whoever reads the same file after us.
      if (input_start_ >= 0 && !(spawn_.absent & 1)) ::lseek(0, input_start_ + static_cast<off_t>(exit->consumed), SEEK_SET);
      const int status = static_cast<int>(exit->status);
      return end(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
    case Type::kFailed: {
      const auto failure = decode<Failure>(frame.payload);
      if (!failure) return end(kOurFailure);
      const char* reason = std::strerror(static_cast<int>(failure->error));
      if (!failure->text.empty()) {
        say(fmt::format("{}: {}", failure->text, reason));
        return end(kOurFailure);
      }
      say(fmt::format("{}: {}", request_.arguments[0], reason));
      return end(failure->error == ENOENT ? kNotFound : kCannotRun);
    }
    case Type::kLost:
      say(decode_text(frame.payload));
      lost_ = true;
      return end(kOurFailure);
    case Type::kRefused: {
      const auto refused = decode<Refused>(frame.payload);
      say(refused ? refused->text : "the machine has refused the command");
      lost_ = true;
      return end(kOurFailure);
    }
    default:
      return;
  }
}

void Runner::read_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGWINCH) {
      send(Type::kResize, Stream::kInput, encode(window_size()));
      continue;
    }
    if (signal == SIGCONT && terminal_) terminal_->make_raw();
    if (status_ && signal != SIGCONT && signal != SIGTSTP) {
      // The command has ended, and its last output finds no taker.
      for (Sink& sink : sinks_) sink.pending.clear();
      return end(128 + signal);
    }
    // The kernel sends what a terminal's keys mean to all of a job; a kill is meant for one process.
    const uint8_t group = info.ssi_code == SI_KERNEL ? 1 : 0;
    send(Type::kSignal, Stream::kInput, encode(SignalRequest{info.ssi_signo, group}));
  }
}

// The command was stopped, so this process stops as well, and its shell has the terminal.
void Runner::suspend(int signal) {
  flush();
  if (terminal_) terminal_->restore();
  // Typed at a raw terminal, it has reached nobody on this side: then it is for the whole job.
  const bool typed = terminal_ && signal == SIGTSTP;
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTSTP);
  ::sigprocmask(SIG_UNBLOCK, &stop, nullptr);
  ::kill(typed ? 0 : ::getpid(), SIGTSTP);
  ::sigprocmask(SIG_BLOCK, &taken_, nullptr);
  // Continued; or not stopped at all, where no shell is there to continue anything.
  if (terminal_) terminal_->make_raw();
  send(Type::kSignal, Stream::kInput, encode(SignalRequest{SIGCONT, 1}));
  send(Type::kResize, Stream::kInput, encode(window_size()));
}

int Runner::run() {
  if (connection_.welcome().outdated) {
    say("settings or images have changed, but the machine is in use; it is replaced when it is idle");
  }
  up_ = connection_.welcome().up;
  look_at_descriptors();
  take_signals();
  send_spawn();
  if (terminal_) terminal_->make_raw();
  // When all is written, or there is nobody to write to.
  while (!status_ || !flushed()) {
    flush();
    enum { kSocket, kSignals, kInput, kFirstSink };
    pollfd fds[kFirstSink + 3];
    fds[kSocket] = {lost_ ? -1 : connection_.fd(), static_cast<short>(POLLIN | (out_.empty() ? 0 : POLLOUT)), 0};
    fds[kSignals] = {signals_.get(), POLLIN, 0};
    // Nobody tells a job that it has come to the front, unless it was stopped.
    const bool in_background = terminal_ && !terminal_->ours();
    if (terminal_ && !in_background && !status_) terminal_->make_raw();
    const bool hungry = !in_background && input_open_ && !status_ && input_window_.available() > 0 && out_.size() < kWindow;
    fds[kInput] = {hungry ? STDIN_FILENO : -1, POLLIN, 0};
    for (size_t i = 0; i < 3; ++i) {
      // A sink that is a stream is watched even with nothing for it: its reader may go away.
      fds[kFirstSink + i] = {sinks_[i].stream ? sinks_[i].fd : -1, static_cast<short>(sinks_[i].pending.empty() ? 0 : POLLOUT), 0};
    }
    int timeout = in_background ? kBackgroundMilliseconds : -1;
    if (!up_ && !told_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(begin_ + kPatience - Clock::now()).count();
      timeout = static_cast<int>(std::clamp<int64_t>(left, 0, in_background ? kBackgroundMilliseconds : INT_MAX));
    }
    if (::poll(fds, kFirstSink + 3, timeout) < 0) continue;
    if (!up_ && !told_ && Clock::now() - begin_ >= kPatience) {
      told_ = true;
      say("starting the machine ...");
      if (terminal_) terminal_->make_raw();
    }
    if (fds[kSignals].revents) read_signals();
    if (fds[kSocket].revents & (POLLIN | POLLHUP | POLLERR)) receive();
    if (fds[kInput].revents && input_open_) read_input();
    for (size_t i = 0; i < 3; ++i) {
      Sink& sink = sinks_[i];
      if (sink.fd < 0 || !fds[kFirstSink + i].revents) continue;
      const auto stream = static_cast<Stream>(i + 1);
      if (fds[kFirstSink + i].revents & POLLOUT) drain(sink, stream);
      if (sink.fd >= 0 && (fds[kFirstSink + i].revents & (POLLERR | POLLHUP | POLLNVAL))) close_sink(sink, stream);
    }
  }
  if (terminal_) terminal_->restore();
  return *status_;
}

int run(Connection connection, const Request& request) { return Runner(std::move(connection), request).run(); }

}  // namespace pl::machine
