// SPDX-License-Identifier: BSD-2-Clause
#include "command.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace pl::machine::agent {
namespace {

// A command may make groups of its own below its terminal; all of them belong to the leader's session.
void kill_session(pid_t leader) {
  DIR* directory = ::opendir("/proc");
  if (!directory) return;
  while (const dirent* entry = ::readdir(directory)) {
    const pid_t process = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (process > 1 && ::getsid(process) == leader) ::kill(process, SIGKILL);
  }
  ::closedir(directory);
}

}  // namespace

Command::Command(Loop& loop, Port& port, uint32_t session, Identity identity)
    : loop_(loop), port_(port), session_(session), identity_(std::move(identity)) {
  output_[0].stream = Stream::kOutput;
  output_[1].stream = Stream::kError;
  output_[2].stream = Stream::kTerminal;
}

void Command::handle(const Frame& frame) {
  if (over_ || hung_up_) return;
  if (frame.type == Type::kSpawn) return spawn(frame);
  if (launched_.process < 0) return fail(EPROTO, "no command was started");
  switch (frame.type) {
    case Type::kData:
      return feed(frame);
    case Type::kEnd:
      input_.ended = true;
      return drain_input();
    case Type::kCredit: {
      Output* output = output_of(frame);
      const auto size = decode_number(frame.payload);
      if (!output || !size || !output->window.granted(*size)) return fail(EPROTO, "a credit that makes no sense");
      return pump(*output);
    }
    case Type::kClose:
      if (Output* output = output_of(frame)) close_output(*output);
      return finish_if_done();
    case Type::kSignal:
      if (const auto request = decode<SignalRequest>(frame.payload)) signal(*request);
      return;
    case Type::kResize:
      if (const auto size = decode<WindowSize>(frame.payload); size && launched_.has_leader) {
        if (output_[2].fd) set_window_size(output_[2].fd.get(), *size);
      }
      return;
    default:
      return fail(EPROTO, "a frame that only the agent may send");
  }
}

void Command::spawn(const Frame& frame) {
  if (launched_.process >= 0) return fail(EPROTO, "a second command");
  if (spawn_bytes_.size() + frame.payload.size() > kMaxSpawn) return fail(E2BIG, "the command line is too long");
  spawn_bytes_.insert(spawn_bytes_.end(), frame.payload.begin(), frame.payload.end());
  if (frame.stream == 0) return;
  const auto request = decode<Spawn>(spawn_bytes_);
  spawn_bytes_ = {};
  if (!request) return fail(EPROTO, "the command cannot be decoded");
  auto launched = launch(*request, identity_);
  if (!launched) return fail(launched.error(), "cannot start a process");
  launched_ = std::move(*launched);
  if (!launched_.has_leader) command_ = launched_.process;

  input_.fd = std::move(launched_.input);
  input_.pipe = !(request->terminals & 1);
  if (input_.fd) {
    // EPOLLERR: nobody reads it any more.
    input_.watch = Loop::Watch(loop_, input_.fd.get(), EPOLLERR, [this](uint32_t events) {
      if (events & EPOLLERR) return close_input();
      drain_input();
    });
  }
  for (int i = 0; i < 3; ++i) {
    Output& output = output_[i];
    output.fd = std::move(launched_.output[i]);
    if (output.fd) output.watch = Loop::Watch(loop_, output.fd.get(), EPOLLIN, [this, &output](uint32_t) { pump(output); });
  }
  news_watch_ = Loop::Watch(loop_, launched_.news.get(), EPOLLIN, [this](uint32_t) { read_news(); });
  port_.send(Type::kSpawned, session_, encode_number(static_cast<uint32_t>(launched_.process)));
}

void Command::feed(const Frame& frame) {
  if (static_cast<Stream>(frame.stream) != Stream::kInput || input_.ended || !input_.window.received(frame.payload.size())) {
    return fail(EPROTO, "input that was not asked for");
  }
  if (!input_.fd) return consume(frame.payload.size());
  input_.pending.push(frame.payload);
  drain_input();
}

void Command::drain_input() {
  while (input_.fd && !input_.pending.empty()) {
    const auto front = input_.pending.front();
    const ssize_t size = ::write(input_.fd.get(), front.data(), front.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) return close_input();
    input_.written += static_cast<uint64_t>(size);
    input_.pending.pop(static_cast<size_t>(size));
    consume(static_cast<size_t>(size));
  }
  if (!input_.fd) return;
  if (input_.ended && input_.pending.empty() && input_.pipe && !status_) {
    return end_input();
  }
  input_.watch.want(input_.pending.empty() ? EPOLLERR : EPOLLERR | EPOLLOUT);
}

// End of file for the command. A read end of ours changes nothing for it then, and tells later what is left in the pipe.
void Command::end_input() {
  const std::string path = "/proc/self/fd/" + std::to_string(input_.fd.get());
  input_.rest = Descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  input_.watch.reset();
  input_.fd.reset();
}

// The command reads no more: whoever writes on the client's side must see that.
void Command::close_input() {
  int unread = 0;
  if (input_.rest && ::ioctl(input_.rest.get(), FIONREAD, &unread) == 0) input_.written -= static_cast<uint64_t>(unread);
  input_.rest.reset();
  if (!input_.fd) return;
  unread = 0;
  if (input_.pipe && ::ioctl(input_.fd.get(), FIONREAD, &unread) == 0) input_.written -= static_cast<uint64_t>(unread);
  input_.watch.reset();
  input_.fd.reset();
  const size_t dropped = input_.pending.size();
  input_.pending.clear();
  if (status_) return;
  port_.send(Type::kClose, session_, Stream::kInput, {});
  consume(dropped);
}

void Command::consume(size_t size) {
  const uint32_t grant = input_.window.consumed(size);
  if (grant) port_.send(Type::kCredit, session_, Stream::kInput, encode_number(grant));
}

Command::Output* Command::output_of(const Frame& frame) {
  return frame.stream == 0 ? nullptr : &output_[frame.stream - 1];
}

void Command::pump(Output& output) {
  while (output.fd) {
    const size_t room = output.window.available();
    if (room == 0 || port_.full()) {
      output.watch.want(0);
      return;
    }
    const ssize_t size = port_.relay(output.fd.get(), session_, output.stream, room);
    if (size > 0) {
      output.window.sent(static_cast<size_t>(size));
      if (status_) continue;
      output.watch.want(EPOLLIN);
      return;  // other commands have their turn; there will be another event
    }
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN && !status_) {
      output.watch.want(EPOLLIN);
      return;
    }
    // End of file; EIO is a terminal's. Or the command has ended and this is all that it left behind: others that hold the pipe
    // or terminal open do not keep the client waiting.
    port_.send(Type::kEnd, session_, output.stream, {});
    close_output(output);
  }
  finish_if_done();
}

void Command::close_output(Output& output) {
  output.watch.reset();
  output.fd.reset();
}

void Command::resume() {
  for (Output& output : output_) {
    if (output.fd && !over_) pump(output);
  }
}

void Command::signal(const SignalRequest& request) {
  if (status_ || command_ < 0) return;
  switch (request.number) {
    case SIGINT: case SIGTERM: case SIGHUP: case SIGQUIT: case SIGTSTP: case SIGCONT: case SIGUSR1: case SIGUSR2: case SIGKILL:
      break;
    default:
      return;
  }
  // A group below a terminal may have changed since: the terminal knows which one is in front.
  pid_t group = command_;
  if (request.group && output_[2].fd) {
    pid_t front = 0;
    if (::ioctl(output_[2].fd.get(), TIOCGPGRP, &front) == 0 && front > 1) group = front;
  }
  ::kill(request.group ? -group : command_, static_cast<int>(request.number));
  // A stopped process takes no signal but this; a user who ends a job that he had suspended means both.
  if (request.number == SIGTERM || request.number == SIGHUP) ::kill(-group, SIGCONT);
}

void Command::read_news() {
  for (;;) {
    Report report{};
    const ssize_t size = ::read(launched_.news.get(), &report, sizeof(report));
    if (size == sizeof(report)) {
      note(report);
      if (over_) return;
      continue;
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // The command has been executed (its copy closed itself), or the leader is gone without a word: that was a kill.
    news_watch_.reset();
    if (launched_.has_leader && !status_) exited(SIGKILL);
    return;
  }
}

void Command::note(const Report& report) {
  switch (report.news) {
    case News::kStarted:
      command_ = report.value;
      return;
    case News::kStopped:
      if (!hung_up_) port_.send(Type::kSuspended, session_, encode_number(static_cast<uint32_t>(report.value)));
      return;
    case News::kExited:
      return exited(report.value);
    case News::kNoDirectory:
      return fail(report.value, "cannot enter the working directory");
    case News::kNoIdentity:
      return fail(report.value, "cannot take the user's identity");
    case News::kNoProgram:
      return fail(report.value, "");
  }
}

void Command::reaped(int status) {
  if (WIFSTOPPED(status)) {
    if (!launched_.has_leader && !hung_up_) {
      port_.send(Type::kSuspended, session_, encode_number(static_cast<uint32_t>(WSTOPSIG(status))));
    }
    return;
  }
  // What it said before it ended comes first: why it could not be started, or how the leader's command ended.
  if (news_watch_) read_news();
  if (over_) return;
  if (!status_) exited(launched_.has_leader ? SIGKILL : status);
}

void Command::exited(int status) {
  if (status_) return;
  status_ = status;
  close_input();
  for (Output& output : output_) {
    if (output.fd) pump(output);
    if (over_) return;
  }
  finish_if_done();
}

void Command::finish_if_done() {
  if (over_ || !status_) return;
  if (std::ranges::any_of(output_, [](const Output& output) { return static_cast<bool>(output.fd); })) return;
  over_ = true;
  launched_.keep.reset();
  if (hung_up_) {
    port_.send(Type::kGone, session_);
  } else {
    port_.send(Type::kExit, session_, encode(Exit{static_cast<uint32_t>(*status_), input_.written}));
  }
}

void Command::hang_up() {
  if (over_) return;
  hung_up_ = true;
  for (Output& output : output_) close_output(output);
  input_.watch.reset();
  input_.fd.reset();
  if (launched_.process < 0 || status_) {
    if (!status_) status_ = 0;
    return finish_if_done();
  }
  if (launched_.has_leader) {
    kill_session(launched_.process);
  } else {
    ::kill(-command_, SIGKILL);
  }
}

void Command::fail(int error, const std::string& text) {
  if (over_) return;
  if (!hung_up_) port_.send(Type::kFailed, session_, encode(Failure{static_cast<uint32_t>(error), text}));
  hang_up();
  over_ = true;
}

}  // namespace pl::machine::agent
