// SPDX-License-Identifier: BSD-2-Clause
#include "suite/root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "image/elf.h"
#include "run/libraries.h"
#include "run/system_files.h"

namespace pl::suite {
namespace {

namespace fs = std::filesystem;
using Failed = std::unexpected<std::string>;

// Changes when the same files are to give another root.
constexpr std::string_view kRecipe = "penglai suite root 1";

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Inside `top`, where a link that leads out of it would lead to nothing.
bool stays_inside(const fs::path& link, const fs::path& top) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(link, error);
  return !error && target.native().starts_with(top.native() + "/");
}

std::expected<void, std::string> copy(const std::string& from, const fs::path& to, mode_t mode) {
  // The same file costs nothing, where both are on one file system and it is ours.
  if (link(from.c_str(), to.c_str()) == 0) return {};
  std::error_code error;
  if (!fs::copy_file(from, to, error)) return Failed(from + ": " + error.message());
  if (chmod(to.c_str(), mode) < 0) return Failed(to.string() + ": " + std::strerror(errno));
  return {};
}

}  // namespace

std::expected<void, std::string> Root::add(const std::string& path, RootEntry entry) {
  if (const std::string parent = parent_of(path); !parent.empty()) {
    if (auto there = entries_.find(parent); there == entries_.end()) {
      if (auto added = add(parent, {}); !added) return added;
    } else if (there->second.kind != RootEntry::Kind::Directory) {
      return Failed(fmt::format("{} cannot be placed inside: {} is no directory there", path, parent));
    }
  }
  entries_.insert_or_assign(path, std::move(entry));
  return {};
}

std::expected<void, std::string> Root::add_tree(const fs::path& from, const std::string& to, bool of_suite) {
  if (!to.empty())
    if (auto added = add(to, {RootEntry::Kind::Directory, "", of_suite ? 0777u : 0755u}); !added) return added;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(from, error); !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const std::string path = to + "/" + at->path().lexically_relative(from).native();
    struct stat status;
    if (lstat(at->path().c_str(), &status) < 0) return Failed(at->path().string() + ": " + std::strerror(errno));
    RootEntry entry{.from = at->path(), .mode = status.st_mode & 07777};
    if (S_ISLNK(status.st_mode) && of_suite && !stays_inside(at->path(), from) && stat(at->path().c_str(), &status) == 0 && S_ISREG(status.st_mode))
      entry = {.from = fs::canonical(at->path(), error), .mode = status.st_mode & 07777};  // the file instead of the link
    if (S_ISDIR(status.st_mode)) {
      // A test starts in its directory, and may write there whoever it is: nobody else sees it.
      if (of_suite) entry.mode = 0777;
    } else if (S_ISREG(status.st_mode)) {
      entry.kind = RootEntry::Kind::File;
    } else if (S_ISLNK(status.st_mode)) {
      entry.kind = RootEntry::Kind::Link;
      entry.from = fs::read_symlink(at->path(), error);
    } else {
      continue;  // sockets, devices, pipes: nothing of a suite's content
    }
    if (auto added = add(path, std::move(entry)); !added) return added;
  }
  if (error) return Failed(from.string() + ": " + error.message());
  return {};
}

std::expected<void, std::string> Root::add_libraries(const fs::path& suite, const std::vector<std::string>& tests, const std::string& sysroots) {
  auto files = HostFiles::at("/", "/");
  if (!files) return Failed(std::string("/: ") + std::strerror(files.error()));
  for (const std::string& test : tests) {
    const std::string path = (suite / test).native();
    auto file = files->open(path, O_RDONLY);
    if (!file) return Failed(path + ": " + std::strerror(file.error()));
    Program program{.name = fs::path(test).filename(), .path = path, .file = std::move(*file), .status = {}, .libraries = {}};
    if (auto found = find_libraries(*files, path, sysroots, program, parent_of(path)); !found) return Failed(found.error().message);
    for (const Library& library : program.libraries) {
      if (entries_.contains(library.path)) continue;
      std::error_code error;
      const fs::path source = fs::canonical(fmt::format("/proc/self/fd/{}", library.file.get()), error);
      if (error) return Failed(library.shown + ": " + error.message());
      if (auto added = add(library.path, {RootEntry::Kind::File, source, 0755}); !added) return added;
    }
  }
  return {};
}

std::expected<Root, std::string> Root::make(const fs::path& suite, const std::vector<std::string>& tests, const fs::path& base, const std::string& sysroots) {
  for (const char* taken : {"/dev", "/proc"})
    if (suite == taken || suite.native().starts_with(std::string(taken) + "/"))
      return Failed(suite.string() + ": what is below " + taken + " cannot be shown inside at its own path");
  Root root;
  if (suite == "/") return Failed("/: name the directory that the tests are in");
  if (!base.empty())
    if (auto added = root.add_tree(base, "", false); !added) return Failed(added.error());
  for (const char* directory : {"/dev", "/proc", "/etc", "/root"})
    if (!root.entries_.contains(directory)) root.entries_[directory] = {};
  root.entries_["/tmp"].mode = 01777;
  if (base.empty())
    for (const SystemFile& file : kSystemFiles)
      if (auto added = root.add(std::string(file.path), {RootEntry::Kind::Text, std::string(file.content), 0644}); !added) return Failed(added.error());
  if (auto added = root.add_tree(suite, suite, true); !added) return Failed(added.error());
  if (base.empty())
    if (auto added = root.add_libraries(suite, tests, sysroots); !added) return Failed(added.error());
  return root;
}

std::expected<Digest, std::string> Root::fingerprint() const {
  Sha256 hash;
  auto add = [&](std::string_view text) {
    const uint64_t size = text.size();
    hash.update(std::as_bytes(std::span(&size, 1)));
    hash.update(std::as_bytes(std::span(text)));
  };
  add(kRecipe);
  for (const auto& [path, entry] : entries_) {
    add(path);
    add(entry.from);
    uint64_t about[7] = {static_cast<uint64_t>(entry.kind), entry.mode};
    if (entry.kind == RootEntry::Kind::File) {
      struct stat status;
      if (stat(entry.from.c_str(), &status) < 0) return Failed(entry.from + ": " + std::strerror(errno));
      about[2] = status.st_ino;
      about[3] = static_cast<uint64_t>(status.st_size);
      about[4] = static_cast<uint64_t>(status.st_mtim.tv_sec);
      about[5] = static_cast<uint64_t>(status.st_mtim.tv_nsec);
    }
    hash.update(std::as_bytes(std::span(about)));
  }
  return hash.finish();
}

std::expected<void, std::string> Root::lay_out(const fs::path& directory) const {
  if (chmod(directory.c_str(), 0755) < 0) return Failed(directory.string() + ": " + std::strerror(errno));
  for (const auto& [path, entry] : entries_) {
    const fs::path to = directory.native() + path;
    auto fail = [&] { return Failed(to.string() + ": " + std::strerror(errno)); };
    switch (entry.kind) {
      case RootEntry::Kind::Directory:
        if (mkdir(to.c_str(), 0755) < 0 || chmod(to.c_str(), entry.mode | 0700) < 0) return fail();
        break;
      case RootEntry::Kind::Link:
        if (symlink(entry.from.c_str(), to.c_str()) < 0) return fail();
        break;
      case RootEntry::Kind::Text: {
        std::ofstream file(to, std::ios::binary);
        if (!(file << entry.from).flush()) return fail();
        break;
      }
      case RootEntry::Kind::File:
        if (auto copied = copy(entry.from, to, entry.mode); !copied) return copied;
        break;
    }
  }
  return {};
}

}  // namespace pl::suite
