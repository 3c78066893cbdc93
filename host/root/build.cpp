// SPDX-License-Identifier: BSD-2-Clause
#include "root/build.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "image/root_image.h"
#include "root/tool.h"
#include "run/host_files.h"
#include "run/root_file.h"

namespace pl {
namespace {

namespace fs = std::filesystem;

using Failed = std::unexpected<std::string>;
constexpr const char* kNoUuid = "00000000-0000-0000-0000-000000000000";  // an image is named by its root hash
// Changes when the same directory is to give another image.
constexpr std::string_view kRecipe = "penglai root image 1";

std::string hexadecimal(const Digest& digest, size_t bytes) {
  std::string text;
  for (uint8_t byte : std::span(digest).first(bytes)) text += fmt::format("{:02x}", byte);
  return text;
}

// The newest time of a file, which is the image's own: so that the same files give the same image.
int64_t newest_time(const fs::path& directory) {
  std::error_code error;
  struct stat status;
  int64_t newest = lstat(directory.c_str(), &status) == 0 ? status.st_mtim.tv_sec + 1 : 0;
  for (auto at = fs::recursive_directory_iterator(directory, error); !error && at != fs::recursive_directory_iterator(); at.increment(error))
    if (lstat(at->path().c_str(), &status) == 0) newest = std::max<int64_t>(newest, status.st_mtim.tv_sec + 1);
  return newest;
}

// What a look at every file tells about it, in the order of their names.
std::expected<Digest, std::string> fingerprint_of(const fs::path& directory) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(directory, error); !error && at != fs::recursive_directory_iterator(); at.increment(error))
    paths.push_back(at->path());
  if (error) return Failed(directory.string() + ": " + error.message());
  std::ranges::sort(paths);
  paths.push_back(directory);
  Sha256 hash;
  hash.update(std::as_bytes(std::span(kRecipe)));
  for (const fs::path& path : paths) {
    struct stat status;
    if (lstat(path.c_str(), &status) < 0) return Failed(path.string() + ": " + std::strerror(errno));
    const uint64_t about[] = {status.st_ino, status.st_mode, status.st_uid, status.st_gid, static_cast<uint64_t>(status.st_size),
                              static_cast<uint64_t>(status.st_mtim.tv_sec), static_cast<uint64_t>(status.st_mtim.tv_nsec),
                              static_cast<uint64_t>(status.st_ctim.tv_sec), static_cast<uint64_t>(status.st_ctim.tv_nsec)};
    hash.update(std::as_bytes(std::span(path.native())));
    hash.update(std::as_bytes(std::span(about)));
  }
  return hash.finish();
}

}  // namespace

std::expected<void, std::string> build_image(const fs::path& directory, const fs::path& image, Owners owners) {
  if (!fs::is_directory(directory)) return Failed(directory.string() + ": not a directory");
  const fs::path partial = image.string() + "." + std::to_string(getpid()) + ".partial";
  struct Remove {
    const fs::path& path;
    ~Remove() { unlink(path.c_str()); }
  } remove{partial};
  std::vector<std::string> command = {fmt::format("SOURCE_DATE_EPOCH={}", newest_time(directory)), "mkfs.erofs", "--quiet", "-x-1",
                                      std::string("-U") + kNoUuid};
  if (owners == Owners::Root) command.push_back("--all-root");
  command.push_back(partial.string());
  command.push_back(directory.string());
  if (auto made = run_tool(command); !made) return Failed("mkfs.erofs " + made.error());

  Descriptor file(open(partial.c_str(), O_RDWR | O_CLOEXEC));
  struct stat status;
  if (file.get() < 0 || fstat(file.get(), &status) < 0) return Failed(partial.string() + ": " + std::strerror(errno));
  auto blocks = read_erofs_blocks(reader_of(file.get()), static_cast<uint64_t>(status.st_size));
  if (!blocks) return Failed("mkfs.erofs made " + blocks.error());
  const uint64_t size = *blocks * kImageBlock;
  if (ftruncate(file.get(), static_cast<off_t>(size)) < 0) return Failed(partial.string() + ": " + std::strerror(errno));
  auto hashed = run_tool({"veritysetup", "format", "--salt=-", std::string("--uuid=") + kNoUuid, fmt::format("--hash-offset={}", size),
                          partial.string(), partial.string()});
  if (!hashed) return Failed("veritysetup " + hashed.error());
  if (fsync(file.get()) < 0 || rename(partial.c_str(), image.c_str()) < 0) return Failed(image.string() + ": " + std::strerror(errno));
  return {};
}

std::expected<fs::path, std::string> kept_image(const fs::path& directory, const std::string& use, const Fingerprint& fingerprint, const BuildImage& build) {
  const std::string name = directory.string() + use;
  auto print = fingerprint();
  if (!print) return Failed(print.error());
  std::error_code error;
  const fs::path kept = cache_directory() / "images";
  fs::create_directories(kept, error);
  const std::string whose = directory.filename().string() + "-" + hexadecimal(sha256(std::as_bytes(std::span(name))), 8) + "-";
  const fs::path image = kept / (whose + hexadecimal(*print, 16) + ".img");
  // One at a time: who waited finds what the other one made.
  Descriptor lock(open((kept / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0 || flock(lock.get(), LOCK_EX) < 0) return Failed(kept.string() + ": " + std::strerror(errno));
  if (fs::exists(image, error)) return image;
  if (isatty(STDERR_FILENO)) fmt::print(stderr, "pl-image: making an image of {} ...\n", name);
  if (auto built = build(image); !built) return Failed(built.error());
  // What changed while it was read may be in it by half.
  auto after = fingerprint();
  if (!after || *after != *print) {
    fs::remove(image, error);
    return Failed(name + ": changed while an image was made of it");
  }
  for (const auto& old : fs::directory_iterator(kept, error))
    if (old.path().filename().string().starts_with(whose) && old.path() != image) fs::remove(old.path(), error);
  return image;
}

std::expected<fs::path, std::string> image_of_directory(const fs::path& directory) {
  std::error_code error;
  const fs::path top = fs::canonical(directory, error);
  if (error) return Failed(directory.string() + ": " + error.message());
  return kept_image(top, "", [&] { return fingerprint_of(top); }, [&](const fs::path& image) { return build_image(top, image, Owners::Root); });
}

}  // namespace pl
