// SPDX-License-Identifier: BSD-2-Clause
#include "run/content_digest.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "registry/folder.h"

namespace pl {
namespace {

// A file that was changed a moment ago may be changed again without another time stamp.
constexpr int64_t kSettled = 2;

std::string hexadecimal(const Digest& digest) {
  std::string text;
  for (uint8_t byte : digest) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

std::string identity(const struct stat& status) {
  const int64_t parts[] = {static_cast<int64_t>(status.st_dev), static_cast<int64_t>(status.st_ino),
                           status.st_size,                      status.st_mtim.tv_sec,
                           status.st_mtim.tv_nsec,              status.st_ctim.tv_sec,
                           status.st_ctim.tv_nsec};
  return hexadecimal(sha256(std::as_bytes(std::span(parts))));
}

bool settled(const struct stat& status) {
  return time(nullptr) - std::max(status.st_mtim.tv_sec, status.st_ctim.tv_sec) > kSettled;
}

bool same(const struct stat& one, const struct stat& other) { return identity(one) == identity(other); }

std::expected<Digest, int> hash_file(int descriptor) {
  Sha256 hash;
  std::vector<std::byte> part(1 << 18);
  for (off_t at = 0;;) {
    ssize_t got = pread(descriptor, part.data(), part.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno);
    if (got == 0) return hash.finish();
    hash.update(std::span(part).first(static_cast<size_t>(got)));
    at += got;
  }
}

std::optional<Digest> recall(int directory, const std::string& name) {
  Descriptor file(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  Digest digest;
  if (file.get() < 0 || ::read(file.get(), digest.data(), digest.size()) != static_cast<ssize_t>(digest.size()))
    return std::nullopt;
  return digest;
}

void remember(int directory, const std::string& name, const Digest& digest) {
  std::string draft = name + "." + std::to_string(getpid());
  Descriptor file(openat(directory, draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) return;
  bool whole = ::write(file.get(), digest.data(), digest.size()) == static_cast<ssize_t>(digest.size());
  if (!whole || renameat(directory, draft.c_str(), directory, name.c_str()) < 0) unlinkat(directory, draft.c_str(), 0);
}

}  // namespace

std::string ContentDigests::default_directory() {
  auto folder = user_folder("digests");
  return folder ? *folder : "";
}

ContentDigests::ContentDigests(const std::string& directory) {
  mkdir(directory.c_str(), 0700);
  Descriptor found(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (found.get() < 0 || fstat(found.get(), &status) < 0) return;
  if (status.st_uid == geteuid() && !(status.st_mode & 077)) directory_ = std::move(found);
}

std::expected<Digest, int> ContentDigests::of(int descriptor, const struct stat& status) const {
  std::string name;
  if (directory_.get() >= 0) {
    name = identity(status);
    if (auto known = recall(directory_.get(), name)) return *known;
  }
  auto digest = hash_file(descriptor);
  struct stat after;
  if (digest && directory_.get() >= 0 && settled(status) && fstat(descriptor, &after) == 0 && same(status, after))
    remember(directory_.get(), name, *digest);
  return digest;
}

}  // namespace pl
