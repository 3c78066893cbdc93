// SPDX-License-Identifier: BSD-2-Clause
// The caller's view of the file system: its root and working directory, which inside the machine are below a shared mount.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "device/descriptor.h"

namespace pl {

class HostFiles {
 public:
  // From PENGLAI_ROOT (default "/") and PENGLAI_CWD (default: this process's).
  static std::expected<HostFiles, int> from_environment();
  static std::expected<HostFiles, int> at(const std::string& root, std::string directory);

  // A directory of these, as a root of its own: links do not lead out of it.
  std::expected<HostFiles, int> below(const std::string& directory) const;

  // open(2) as if the root were "/" and the directory the working directory, "..", and links included.
  std::expected<Descriptor, int> open(std::string_view path, int flags, mode_t mode = 0) const;
  // mkdir(2) likewise; no error if there is a directory.
  std::expected<void, int> make_directory(std::string_view path, mode_t mode) const;

 private:
  HostFiles(Descriptor root, std::string directory) : root_(std::move(root)), directory_(std::move(directory)) {}
  Descriptor root_;
  std::string directory_;
};

// All of a regular file; EFBIG: more than `limit`.
std::expected<std::vector<std::byte>, int> read_file(int descriptor, size_t limit);

}  // namespace pl
