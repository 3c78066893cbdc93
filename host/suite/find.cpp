// SPDX-License-Identifier: BSD-2-Clause
#include "suite/find.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>

#include "device/descriptor.h"
#include "image/elf.h"
#include "run/root_file.h"

namespace pl::suite {
namespace {

namespace fs = std::filesystem;

// Linkers make shared libraries executable.
bool is_library(const fs::path& path) {
  const std::string name = path.filename();
  if (name.ends_with(".so") || name.find(".so.") != name.npos) return true;
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return false;
  auto links = read_links(reader_of(file.get()));
  return links && links->library;
}

bool matches(const std::string& name, const std::vector<std::string>& globs) {
  return std::ranges::any_of(globs, [&](const std::string& glob) { return fnmatch(glob.c_str(), name.c_str(), 0) == 0; });
}

}  // namespace

std::expected<std::vector<std::string>, std::string> find_tests(const fs::path& top) {
  std::vector<std::string> tests;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(top, error); !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    struct stat status;
    if (stat(at->path().c_str(), &status) < 0 || !S_ISREG(status.st_mode) || !(status.st_mode & 0111) || is_library(at->path())) continue;
    tests.push_back(at->path().lexically_relative(top));
  }
  if (error) return std::unexpected(top.string() + ": " + error.message());
  std::ranges::sort(tests);
  return tests;
}

std::vector<std::string> choose(const std::vector<std::string>& tests, const SuiteOptions& options) {
  std::vector<std::string> chosen, part;
  for (const std::string& test : tests)
    if ((options.filters.empty() || matches(test, options.filters)) && !matches(test, options.excluded)) chosen.push_back(test);
  for (size_t at = options.shard; at < chosen.size(); at += options.shards) part.push_back(chosen[at]);
  return part;
}

}  // namespace pl::suite
