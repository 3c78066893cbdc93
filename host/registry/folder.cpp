// SPDX-License-Identifier: BSD-2-Clause
#include "registry/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace pl {
namespace {

constexpr const char* kSystem = "/run/penglai/";

// Ours, a directory and no link, and nobody else's business; made if it is not there.
int make(const std::string& path) {
  if (mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) return errno;
  struct stat status;
  if (lstat(path.c_str(), &status) < 0) return errno;
  return S_ISDIR(status.st_mode) && status.st_uid == geteuid() && !(status.st_mode & 077) ? 0 : EACCES;
}

std::string place() {
  const std::string own = std::to_string(geteuid());
  if (access((kSystem + own).c_str(), W_OK | X_OK) == 0) return kSystem + own;
  const char* session = std::getenv("XDG_RUNTIME_DIR");
  if (session && *session == '/' && access(session, W_OK | X_OK) == 0) return std::string(session) + "/penglai";
  return "/tmp/penglai-" + own;
}

}  // namespace

std::expected<std::string, int> user_folder(const std::string& part) {
  std::string path = place();
  if (int error = make(path)) return std::unexpected(error);
  path += "/" + part;
  if (int error = make(path)) return std::unexpected(error);
  return path;
}

}  // namespace pl
