// SPDX-License-Identifier: BSD-2-Clause
// The root directory inside: the suite at its own path, and around it a directory that the user named, or the interpreters and
// libraries of the tests with the few files that every system has.
#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "image/sha256.h"

namespace pl::suite {

struct RootEntry {
  enum class Kind : uint8_t { Directory, File, Text, Link } kind = Kind::Directory;
  std::string from;  // File: a path of the host. Text: the content. Link: the target
  mode_t mode = 0755;
};

class Root {
 public:
  // `suite` and `base` are canonical; an empty `base` stands for `sysroots` (separated by ':'). `tests` are paths below the suite.
  static std::expected<Root, std::string> make(const std::filesystem::path& suite, const std::vector<std::string>& tests,
                                               const std::filesystem::path& base, const std::string& sysroots);

  // Of what is in it, so that an image of the same is found again.
  std::expected<Digest, std::string> fingerprint() const;
  // Makes it below `directory`, which is empty.
  std::expected<void, std::string> lay_out(const std::filesystem::path& directory) const;

 private:
  std::expected<void, std::string> add(const std::string& path, RootEntry entry);
  std::expected<void, std::string> add_tree(const std::filesystem::path& from, const std::string& to, bool of_suite);
  std::expected<void, std::string> add_libraries(const std::filesystem::path& suite, const std::vector<std::string>& tests, const std::string& sysroots);

  std::map<std::string, RootEntry> entries_;  // by path inside: a directory comes before what is in it
};

}  // namespace pl::suite
