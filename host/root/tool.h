// SPDX-License-Identifier: BSD-2-Clause
// Other programs that do a part of the work.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace pl {

enum class Output : uint8_t { Kept, Shown };

// Runs a program (looked for in PATH and /usr/sbin, /sbin) and waits. What it prints on standard output is the value; what it says on
// standard error goes into the error if it fails, or to our own with Output::Shown. The error completes the sentence "PROGRAM ...".
std::expected<std::string, std::string> run_tool(const std::vector<std::string>& command, Output errors = Output::Kept);

// A directory for work, gone at the end.
class WorkDirectory {
 public:
  // Below `parent`, which is made.
  static std::expected<WorkDirectory, std::string> create(const std::filesystem::path& parent);
  WorkDirectory(WorkDirectory&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  WorkDirectory& operator=(WorkDirectory&&) = delete;
  ~WorkDirectory();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit WorkDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// PL_CACHE, or ~/.cache/penglai.
std::filesystem::path cache_directory();

}  // namespace pl
