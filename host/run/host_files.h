// SPDX-License-Identifier: BSD-2-Clause
// The caller's view of the file system: its root and working directory, which inside the machine are below a shared mount.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pl {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

class HostFiles {
 public:
  // From PENGLAI_ROOT (default "/") and PENGLAI_CWD (default: this process's).
  static std::expected<HostFiles, int> from_environment();
  static std::expected<HostFiles, int> at(const std::string& root, std::string directory);

  // open(2) as if the root were "/" and the directory the working directory, "..", and links included.
  std::expected<Descriptor, int> open(std::string_view path, int flags) const;

 private:
  HostFiles(Descriptor root, std::string directory) : root_(std::move(root)), directory_(std::move(directory)) {}
  Descriptor root_;
  std::string directory_;
};

// All of a regular file; EFBIG: more than `limit`.
std::expected<std::vector<std::byte>, int> read_file(int descriptor, size_t limit);

}  // namespace pl
