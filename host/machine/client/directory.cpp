// SPDX-License-Identifier: BSD-2-Clause
#include "directory.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pl::machine {
namespace {

bool is_directory(const char* path) {
  struct stat status{};
  return path && *path == '/' && ::stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

std::filesystem::path place() {
  if (const char* named = std::getenv("PENGLAI_RUNTIME_DIR"); named && *named) return std::filesystem::absolute(named);
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); is_directory(runtime)) return std::filesystem::path(runtime) / "penglai";
  return fmt::format("/tmp/penglai-{}", ::geteuid());
}

}  // namespace

std::expected<Directory, std::string> runtime_directory() {
  const Directory directory{place()};
  const char* path = directory.path.c_str();
  if (::mkdir(path, 0700) != 0 && errno != EEXIST) {
    return std::unexpected(fmt::format("cannot make {}: {}", path, std::strerror(errno)));
  }
  struct stat status{};
  // lstat: in /tmp anyone could have put a link there before.
  if (::lstat(path, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) {
    return std::unexpected(fmt::format("{} must be a folder of yours", path));
  }
  if (status.st_mode & 077) return std::unexpected(fmt::format("{} must be closed to others (chmod 700)", path));
  if (directory.socket().native().size() >= sizeof(sockaddr_un::sun_path)) {
    return std::unexpected(fmt::format("{} is too long for a socket's address", path));
  }
  return directory;
}

}  // namespace pl::machine
