// SPDX-License-Identifier: BSD-2-Clause
#include "run/host_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

namespace pl {

std::expected<HostFiles, int> HostFiles::from_environment() {
  const char* root = std::getenv("PENGLAI_ROOT");
  const char* directory = std::getenv("PENGLAI_CWD");
  if (directory) return at(root ? root : "/", directory);
  char here[PATH_MAX];
  if (!getcwd(here, sizeof here)) return std::unexpected(errno);
  return at(root ? root : "/", here);
}

std::expected<HostFiles, int> HostFiles::at(const std::string& root, std::string directory) {
  Descriptor descriptor(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) return std::unexpected(errno);
  return HostFiles(std::move(descriptor), std::move(directory));
}

std::expected<HostFiles, int> HostFiles::below(const std::string& directory) const {
  auto root = open(directory, O_PATH | O_DIRECTORY);
  if (!root) return std::unexpected(root.error());
  return HostFiles(std::move(*root), "/");
}

std::expected<Descriptor, int> HostFiles::open(std::string_view path, int flags, mode_t mode) const {
  if (path.empty()) return std::unexpected(ENOENT);
  std::string full = path.starts_with('/') ? std::string(path) : directory_ + "/" + std::string(path);
  open_how how{};
  // openat2(2) refuses what O_PATH has no use for.
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK));
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT;
  Descriptor found(static_cast<int>(syscall(SYS_openat2, root_.get(), full.c_str(), &how, sizeof how)));
  if (found.get() < 0) return std::unexpected(errno);
  return found;
}

std::expected<void, int> HostFiles::make_directory(std::string_view path, mode_t mode) const {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  if (open(path, O_PATH | O_DIRECTORY)) return {};
  const size_t slash = path.rfind('/');
  const std::string_view parent = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  auto above = open(parent, O_PATH | O_DIRECTORY);
  if (!above) return std::unexpected(above.error());
  const std::string name(slash == path.npos ? path : path.substr(slash + 1));
  if (mkdirat(above->get(), name.c_str(), mode) < 0) return std::unexpected(errno);
  return {};
}

std::expected<std::vector<std::byte>, int> read_file(int descriptor, size_t limit) {
  struct stat status;
  if (fstat(descriptor, &status) < 0) return std::unexpected(errno);
  if (static_cast<uint64_t>(status.st_size) > limit) return std::unexpected(EFBIG);
  std::vector<std::byte> content(static_cast<size_t>(status.st_size));
  size_t size = 0;
  for (;;) {
    // One byte more than there should be, so that a file that grows meanwhile is seen whole.
    if (size == content.size()) {
      std::byte more;
      ssize_t got = pread(descriptor, &more, 1, static_cast<off_t>(size));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return std::unexpected(errno);
      if (got == 0) return content;
      if (size + 1 > limit) return std::unexpected(EFBIG);
      content.push_back(more);
      ++size;
      continue;
    }
    ssize_t got = pread(descriptor, content.data() + size, content.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0) {
      content.resize(size);
      return content;
    }
    size += static_cast<size_t>(got);
  }
}

}  // namespace pl
