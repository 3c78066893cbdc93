// SPDX-License-Identifier: BSD-2-Clause
#include "launch.h"

#include <fcntl.h>
#include <grp.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "boot.h"

namespace pl::machine::agent {
namespace {

constexpr int kPipeSize = 256 * 1024;

struct Pipe {
  Descriptor read;
  Descriptor write;
};

bool make_pipe(Pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  pipe.read = Descriptor(ends[0]);
  pipe.write = Descriptor(ends[1]);
  return true;
}

// A pipe between the agent and a command, which must be able to open it again through /proc/self/fd as itself.
bool make_stream(Pipe& pipe, const Identity& identity) {
  if (!make_pipe(pipe)) return false;
  ::fcntl(pipe.read.get(), F_SETPIPE_SZ, kPipeSize);
  return ::fchown(pipe.read.get(), identity.user, identity.group) == 0;
}

bool make_terminal(const Spawn& spawn, const Identity& identity, Descriptor& master, Descriptor& slave) {
  int ends[2];
  if (::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr) != 0) return false;
  master = Descriptor(ends[0]);
  slave = Descriptor(ends[1]);
  for (int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  termios modes{};
  ::tcgetattr(slave.get(), &modes);
  if (spawn.terminals & 1) {
    modes.c_iflag = spawn.modes.input;
    modes.c_oflag = spawn.modes.output;
    modes.c_cflag = spawn.modes.control;
    modes.c_lflag = spawn.modes.local;
    std::copy_n(spawn.modes.characters.begin(), spawn.modes.characters.size(), modes.c_cc);
  } else {
    // Nothing is typed here, and the client's own terminal, which stays as it is, does the line ends.
    ::cfmakeraw(&modes);
  }
  ::tcsetattr(slave.get(), TCSANOW, &modes);
  set_window_size(master.get(), spawn.window);
  ::fchmod(slave.get(), 0620);
  return ::fchown(slave.get(), identity.user, identity.group) == 0;
}

void report(int news, News what, int value) {
  const Report line{what, value};
  // A pipe takes eight bytes whole; and if the agent does not listen any more, it has asked for our end.
  [[maybe_unused]] const ssize_t written = ::write(news, &line, sizeof(line));
}

void reset_signals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Lifts a descriptor above 2, so that the command's three can be put in place without running over it.
int lifted(int fd) { return fd > STDERR_FILENO ? fd : ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); }

[[noreturn]] void become_command(const Spawn& spawn, const Identity& identity, int standard[3], int news) {
  reset_signals();
  news = lifted(news);
  for (int i = 0; i < 3; ++i) standard[i] = lifted(standard[i]);
  for (int i = 0; i < 3; ++i) ::dup2(standard[i], i);
  ::umask(spawn.file_mask);

  std::vector<gid_t> groups(identity.groups.begin(), identity.groups.end());
  groups.push_back(kPenglaiGroup);
  if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(identity.group, identity.group, identity.group) != 0 ||
      ::setresuid(identity.user, identity.user, identity.user) != 0) {
    report(news, News::kNoIdentity, errno);
    ::_exit(125);
  }
  if (::chdir(("/host" + spawn.directory).c_str()) != 0) {
    report(news, News::kNoDirectory, errno);
    ::_exit(125);
  }
  std::vector<char*> arguments;
  std::vector<char*> environment;
  for (const std::string& argument : spawn.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  for (const std::string& variable : spawn.environment) environment.push_back(const_cast<char*>(variable.c_str()));
  arguments.push_back(nullptr);
  environment.push_back(nullptr);
  environ = environment.data();
  ::execvp(arguments[0], arguments.data());
  report(news, News::kNoProgram, errno);
  ::_exit(errno == ENOENT ? 127 : 126);
}

// Waits for the command and reports; ends when the agent has closed `keep`.
[[noreturn]] void lead(pid_t command, int news, int keep) {
  for (;;) {
    int status = 0;
    const pid_t child = ::waitpid(-1, &status, WUNTRACED);
    if (child < 0 && errno == EINTR) continue;
    if (child != command && child > 0) continue;
    if (child > 0 && WIFSTOPPED(status)) {
      report(news, News::kStopped, WSTOPSIG(status));
      continue;
    }
    ::close(STDIN_FILENO);
    report(news, News::kExited, child > 0 ? status : 0);
    break;
  }
  char nothing;
  while (::read(keep, &nothing, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

[[noreturn]] void become_leader(const Spawn& spawn, const Identity& identity, int standard[3], int slave, int news, int keep) {
  ::setsid();
  ::ioctl(slave, TIOCSCTTY, 0);
  // A write of the command's to its terminal in the background, or our handing it over, must not stop us.
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE}) ::sigaction(signal, &ignore, nullptr);
  const pid_t command = ::fork();
  if (command == 0) {
    ::setpgid(0, 0);
    ::tcsetpgrp(slave, ::getpid());
    become_command(spawn, identity, standard, news);
  }
  if (command < 0) {
    report(news, News::kNoProgram, errno);
    ::_exit(125);
  }
  ::setpgid(command, command);
  // Every other descriptor is a copy of the agent's, and would hold other commands' pipes open. The terminal stays open as long as
  // the command lives, even if that closes it for a while.
  ::dup2(slave, STDIN_FILENO);
  news = ::fcntl(news, F_DUPFD_CLOEXEC, 64);
  keep = ::fcntl(keep, F_DUPFD_CLOEXEC, 64);
  ::dup2(news, 3);
  ::dup2(keep, 4);
  ::close_range(5, ~0u, 0);
  ::close(STDOUT_FILENO);
  ::close(STDERR_FILENO);
  report(3, News::kStarted, command);
  lead(command, 3, 4);
}

}  // namespace

void set_window_size(int terminal, const WindowSize& window) {
  const winsize size{window.rows, window.columns, window.width, window.height};
  ::ioctl(terminal, TIOCSWINSZ, &size);
}

std::expected<Launched, int> launch(const Spawn& spawn, const Identity& identity) {
  Launched launched;
  Pipe input, output[2], news, keep;
  Descriptor master, slave, absent;
  int standard[3] = {-1, -1, -1};
  if (!make_pipe(news) || !make_pipe(keep)) return std::unexpected(errno);
  if (spawn.absent) absent = Descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (spawn.terminals && !make_terminal(spawn, identity, master, slave)) return std::unexpected(errno);

  for (int i = 0; i < 3; ++i) {
    if (spawn.absent & (1 << i)) {
      standard[i] = absent.get();
    } else if (spawn.terminals & (1 << i)) {
      standard[i] = slave.get();
    } else if (i == STDIN_FILENO) {
      if (!make_stream(input, identity)) return std::unexpected(errno);
      standard[i] = input.read.get();
      launched.input = std::move(input.write);
    } else {
      if (!make_stream(output[i - 1], identity)) return std::unexpected(errno);
      standard[i] = output[i - 1].write.get();
      launched.output[i - 1] = std::move(output[i - 1].read);
    }
  }
  if (spawn.terminals) {
    // Two descriptors of the one terminal: each direction is watched, and closed, by itself.
    launched.output[2] = Descriptor(::fcntl(master.get(), F_DUPFD_CLOEXEC, 3));
    if (spawn.terminals & 1) launched.input = std::move(master);
  }

  make_user_folder(identity.user, identity.group);
  launched.has_leader = spawn.terminals != 0;
  launched.process = ::fork();
  if (launched.process < 0) return std::unexpected(errno);
  if (launched.process == 0) {
    if (launched.has_leader) {
      become_leader(spawn, identity, standard, slave.get(), news.write.get(), keep.read.get());
    }
    ::setpgid(0, 0);
    become_command(spawn, identity, standard, news.write.get());
  }
  if (!launched.has_leader) ::setpgid(launched.process, launched.process);
  if (launched.input) set_nonblocking(launched.input);
  for (Descriptor& stream : launched.output) {
    if (stream) set_nonblocking(stream);
  }
  set_nonblocking(news.read);
  launched.news = std::move(news.read);
  launched.keep = std::move(keep.write);
  return launched;
}

}  // namespace pl::machine::agent
