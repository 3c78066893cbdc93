// SPDX-License-Identifier: BSD-2-Clause
#include "root/tool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pl {
namespace {

struct Pipe {
  int ends[2] = {-1, -1};
  bool open() { return pipe2(ends, O_CLOEXEC) == 0; }
  void close_end(int end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
};

// The last line that says something: tools end with what went wrong.
std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  size_t at = text.rfind('\n');
  return at == text.npos ? text : text.substr(at + 1);
}

// Both to their ends, whichever has something.
void collect(Pipe& out, Pipe& err, std::string& output, std::string& errors) {
  for (int open = 2; open > 0;) {
    pollfd polls[2] = {{out.ends[0], POLLIN, 0}, {err.ends[0], POLLIN, 0}};
    if (poll(polls, 2, -1) < 0 && errno != EINTR) return;
    for (int i = 0; i < 2; ++i) {
      if (polls[i].fd < 0 || !polls[i].revents) continue;
      std::array<char, 4096> piece;
      ssize_t got = read(polls[i].fd, piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        (i ? err : out).close_end(0);
        --open;
      } else {
        (i ? errors : output).append(piece.data(), static_cast<size_t>(got));
      }
    }
  }
}

}  // namespace

std::expected<std::string, std::string> run_tool(const std::vector<std::string>& command, Output shown) {
  Pipe out, err;
  if (!out.open() || !err.open()) return std::unexpected(std::string("cannot start: ") + std::strerror(errno));
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  // English, so that a message can be searched for; and where administrators' tools are.
  const char* path = std::getenv("PATH");
  std::vector<std::string> variables = {"LC_ALL=C", std::string("PATH=") + (path ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin"};
  for (char** variable = environ; *variable; ++variable)
    if (std::strncmp(*variable, "PATH=", 5) != 0 && std::strncmp(*variable, "LC_ALL=", 7) != 0) variables.emplace_back(*variable);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], 1);
  if (shown == Output::Kept) posix_spawn_file_actions_adddup2(&actions, err.ends[1], 2);
  pid_t child = 0;
  // posix_spawnp looks in our own PATH: env(1) looks in the child's.
  std::vector<char*> through = {const_cast<char*>("env")};
  through.insert(through.end(), arguments.begin(), arguments.end());
  int error = posix_spawn(&child, "/usr/bin/env", &actions, nullptr, through.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error) return std::unexpected(std::string("cannot be started: ") + std::strerror(error));
  out.close_end(1);
  err.close_end(1);
  std::string output, errors;
  collect(out, err, output, errors);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return std::unexpected(std::string("is not installed (Debian: erofs-utils, cryptsetup-bin, apt, dpkg, tar)"));
  std::string why = last_line(errors.empty() ? output : errors);
  return std::unexpected(WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                                             : fmt::format("failed: {}", why.empty() ? "it does not say why" : why));
}

std::expected<WorkDirectory, std::string> WorkDirectory::create(const std::filesystem::path& parent) {
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  std::string path = (parent / "work-XXXXXX").string();
  if (!mkdtemp(path.data())) return std::unexpected(parent.string() + ": " + std::strerror(errno));
  return WorkDirectory(path);
}

WorkDirectory::~WorkDirectory() {
  if (path_.empty()) return;
  std::error_code error;
  // Directories that may not be written (a package can have such) must be made so before they are emptied.
  for (auto at = std::filesystem::recursive_directory_iterator(path_, error); !error && at != std::filesystem::recursive_directory_iterator();
       at.increment(error))
    if (at->is_directory(error) && !at->is_symlink(error))
      std::filesystem::permissions(at->path(), std::filesystem::perms::owner_all, std::filesystem::perm_options::add, error);
  std::filesystem::remove_all(path_, error);
}

std::filesystem::path cache_directory() {
  if (const char* own = std::getenv("PL_CACHE"); own && *own) return own;
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : "/tmp") / ".cache/penglai";
}

}  // namespace pl
