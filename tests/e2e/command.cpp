// SPDX-License-Identifier: BSD-2-Clause
#include "command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace e2e {
namespace {

using Clock = std::chrono::steady_clock;

int shell_status(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

// A shell in a process group of its own, at the top of the tree.
pid_t start(const std::string& command, int in, int out, int err) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  setpgid(0, 0);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  for (int fd = 3; fd < 256; ++fd) close(fd);
  ::signal(SIGPIPE, SIG_DFL);
  if (chdir(PL_TOP) != 0) _exit(99);
  execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  _exit(99);
}

}  // namespace

size_t parts_at(const std::string& one, const std::string& other) {
  const size_t at = std::ranges::mismatch(one, other).in1 - one.begin();
  const size_t line = at ? one.rfind('\n', at - 1) : std::string::npos;
  return line == std::string::npos ? 0 : line + 1;
}

std::string without_pool(const std::string& err) {
  std::istringstream text(err);
  std::string rest;
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("pl-run: the pool was full: ")) rest += line + "\n";
  }
  return rest;
}

Result shell(const std::string& command, const Options& options) {
  Result result;
  auto begin = Clock::now();
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) abort();
  ::signal(SIGPIPE, SIG_IGN);
  pid_t pid = start(command, in[0], out[1], err[1]);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  size_t written = 0;
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  if (options.input.empty()) {
    close(in[1]);
    in[1] = -1;
  }
  bool out_open = true, err_open = true, late = false;
  while (out_open || err_open) {
    double left = options.seconds - std::chrono::duration<double>(Clock::now() - begin).count();
    if (left <= 0) {
      late = true;
      kill(-pid, SIGKILL);
      break;
    }
    pollfd fds[3] = {{out_open ? out[0] : -1, POLLIN, 0}, {err_open ? err[0] : -1, POLLIN, 0}, {in[1], POLLOUT, 0}};
    if (poll(fds, 3, int(left * 1000) + 1) < 0 && errno != EINTR) break;
    char buffer[65536];
    if (fds[0].revents) {
      ssize_t n = read(out[0], buffer, sizeof buffer);
      if (n <= 0) out_open = false;
      else result.out.append(buffer, size_t(n));
    }
    if (fds[1].revents) {
      ssize_t n = read(err[0], buffer, sizeof buffer);
      if (n <= 0) err_open = false;
      else result.err.append(buffer, size_t(n));
    }
    if (fds[2].revents) {
      ssize_t n = write(in[1], options.input.data() + written, options.input.size() - written);
      if (n > 0) written += size_t(n);
      if (n < 0 || written == options.input.size()) {
        close(in[1]);
        in[1] = -1;
      }
    }
  }
  if (in[1] >= 0) close(in[1]);
  close(out[0]);
  close(err[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  result.status = late ? -1 : shell_status(status);
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

Background::Background(const std::string& command) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) abort();
  ::signal(SIGPIPE, SIG_IGN);
  pid_ = start("exec " + command, in[0], out[1], 2);
  close(in[0]);
  close(out[1]);
  in_ = in[1];
  out_fd_ = out[0];
}

Background::~Background() {
  close_input();
  close(out_fd_);
  if (status_ == -2) {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

bool Background::wait_for(const std::string& text, int seconds) {
  auto end = Clock::now() + std::chrono::seconds(seconds);
  while (out_.find(text) == std::string::npos) {
    int left = int(std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count());
    pollfd fd{out_fd_, POLLIN, 0};
    if (left <= 0 || poll(&fd, 1, left) <= 0) return false;
    char buffer[4096];
    ssize_t n = read(out_fd_, buffer, sizeof buffer);
    if (n <= 0) return false;
    out_.append(buffer, size_t(n));
  }
  return true;
}

void Background::signal(int number) { kill(pid_, number); }

void Background::type(const std::string& text) {
  if (::write(in_, text.data(), text.size()) != ssize_t(text.size())) abort();
}

void Background::close_input() {
  if (in_ >= 0) close(in_);
  in_ = -1;
}

int Background::wait(int seconds) {
  auto end = Clock::now() + std::chrono::seconds(seconds);
  while (Clock::now() < end) {
    int status;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      char buffer[4096];
      fcntl(out_fd_, F_SETFL, O_NONBLOCK);
      for (ssize_t n; (n = read(out_fd_, buffer, sizeof buffer)) > 0;) out_.append(buffer, size_t(n));
      return status_ = shell_status(status);
    }
    usleep(10000);
  }
  return -1;
}

Scratch::Scratch() {
  char name[] = "/tmp/pl-e2e-XXXXXX";
  if (!mkdtemp(name)) abort();
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Scratch::write(const std::string& name, const std::string& content, int mode) const {
  std::string file = path_ + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  std::ofstream(file, std::ios::binary) << content;
  chmod(file.c_str(), mode_t(mode));
  return file;
}

OwnMachine::OwnMachine() { setenv("PENGLAI_RUNTIME_DIR", folder_.path().c_str(), 1); }

OwnMachine::~OwnMachine() { shell("build/bin/pl-machine stop --force"); }

int templates_named(const std::string& name) {
  std::istringstream list(shell("build/bin/pl-template ls").out);
  int count = 0;
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    std::string id, its_name;
    if (words >> id >> its_name && id.find_first_not_of("0123456789") == std::string::npos) count += its_name == name;
  }
  return count;
}

std::string program(const std::string& name) { return std::string(PL_PROGRAMS) + "/" + name; }

}  // namespace e2e
