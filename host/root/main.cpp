// SPDX-License-Identifier: BSD-2-Clause
// pl-image: makes, shows and checks root images.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "image/root_image.h"
#include "root/build.h"
#include "root/debian.h"
#include "root/import.h"
#include "root/tool.h"
#include "run/host_files.h"
#include "run/options.h"
#include "run/root_file.h"

#ifndef PL_VERSION_STRING
#define PL_VERSION_STRING "development"
#endif

namespace pl {
namespace {

namespace fs = std::filesystem;

constexpr int kOwnFailure = 125, kDamaged = 1;
constexpr double kMegabyte = 1 << 20;

int complain(const std::string& text) {
  fmt::print(stderr, "pl-image: {}\n", text);
  return kOwnFailure;
}

void say(const std::string& text) { fmt::print(stderr, "pl-image: {}\n", text); }

std::string hexadecimal(const Digest& digest) {
  std::string text;
  for (uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

struct Image {
  Descriptor file;
  uint64_t size = 0;
  RootImage root;
};

std::expected<Image, std::string> open_image(const std::string& path) {
  Image image;
  image.file = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (image.file.get() < 0 || fstat(image.file.get(), &status) < 0) return std::unexpected(path + ": " + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return std::unexpected(path + ": not a regular file");
  image.size = static_cast<uint64_t>(status.st_size);
  auto root = read_root_image(reader_of(image.file.get()), image.size);
  if (!root) return std::unexpected(path + ": " + root.error());
  image.root = std::move(*root);
  return image;
}

struct Options {
  std::string directory, image, archive, root_hash;
  std::vector<std::string> packages, package_files;
  bool json = false, keep_owners = false, trust_mirror = false;
};

int built(const Options& options) {
  auto image = open_image(options.image);
  if (!image) return complain(image.error());
  fmt::print("{}  {}\n", hexadecimal(image->root.root_hash), options.image);
  return 0;
}

int build(const Options& options) {
  const bool debian = !options.packages.empty() || !options.package_files.empty();
  if (debian != options.directory.empty()) return complain("build: either a DIR, or packages with --debian or --deb");
  if (!debian) {
    if (auto made = build_image(options.directory, options.image, options.keep_owners ? Owners::Kept : Owners::Root); !made)
      return complain(made.error());
    return built(options);
  }
  auto work = WorkDirectory::create(cache_directory() / "images");
  if (!work) return complain(work.error());
  const fs::path root = work->path() / "root";
  fs::create_directory(root);
  DebianRequest request{options.packages, {options.package_files.begin(), options.package_files.end()},
                        options.trust_mirror ? UnsignedList::Accept : UnsignedList::Refuse};
  if (auto unpacked = unpack_debian(request, root, say); !unpacked) return complain(unpacked.error());
  say("making the image");
  if (auto made = build_image(root, options.image, Owners::Root); !made) return complain(made.error());
  return built(options);
}

int import(const Options& options) {
  auto work = WorkDirectory::create(cache_directory() / "images");
  if (!work) return complain(work->path().string());
  const fs::path root = work->path() / "root", parts = work->path() / "parts";
  fs::create_directory(root);
  fs::create_directory(parts);
  if (auto unpacked = unpack_archive(options.archive, root, parts); !unpacked) return complain(unpacked.error());
  if (auto made = build_image(root, options.image, Owners::Root); !made) return complain(made.error());
  return built(options);
}

int inspect(const Options& options) {
  auto image = open_image(options.image);
  if (!image) return complain(image.error());
  const uint64_t data = image->root.data_blocks * kImageBlock;
  std::string salt;
  for (std::byte byte : image->root.salt) salt += fmt::format("{:02x}", static_cast<unsigned>(byte));
  if (options.json) {
    nlohmann::json json = {{"image", options.image},       {"root_hash", hexadecimal(image->root.root_hash)},
                           {"bytes", image->size},         {"data_bytes", data},
                           {"tree_bytes", image->size - data}, {"salt", salt},
                           {"hash", "sha256"},             {"block_bytes", kImageBlock}};
    fmt::print("{}\n", json.dump(2));
    return 0;
  }
  fmt::print("root hash  {}\nsize       {:.1f} MB: {:.1f} MB of files, {:.1f} MB of hash tree\nsalt       {}\n", hexadecimal(image->root.root_hash),
             static_cast<double>(image->size) / kMegabyte, static_cast<double>(data) / kMegabyte,
             static_cast<double>(image->size - data) / kMegabyte, salt.empty() ? "none" : salt);
  return 0;
}

int verify(const Options& options) {
  auto image = open_image(options.image);
  if (!image) return complain(image.error());
  const bool show = isatty(STDERR_FILENO);
  const uint64_t blocks = image->root.data_blocks;
  auto damage = verify_root_image(reader_of(image->file.get()), image->root, [&](uint64_t done) {
    if (show && done % 8192 == 0) fmt::print(stderr, "\rpl-image: {} %", 100 * done / blocks);
    return true;
  });
  if (show) fmt::print(stderr, "\r\033[K");
  std::string why;
  if (!options.root_hash.empty() && options.root_hash != hexadecimal(image->root.root_hash))
    why = "another root hash than the one that was asked for: " + hexadecimal(image->root.root_hash);
  else if (!damage)
    why = damage.error();
  else if (*damage != blocks)
    why = fmt::format("block {} is not the one that the hash tree was made of", *damage);
  if (options.json) {
    nlohmann::json json = {{"image", options.image}, {"root_hash", hexadecimal(image->root.root_hash)}, {"intact", why.empty()}};
    if (!why.empty()) json["reason"] = why;
    fmt::print("{}\n", json.dump(2));
  } else if (why.empty()) {
    fmt::print("{}  {}: intact\n", hexadecimal(image->root.root_hash), options.image);
  }
  if (why.empty()) return 0;
  complain(options.image + ": " + why);
  return kDamaged;
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("Root images for pl-run --rootfs: an EROFS file and its dm-verity hash tree.", "pl-image");
  app.set_version_flag("--version", std::string("pl-image " PL_VERSION_STRING));
  app.require_subcommand(1);
  app.footer("Exit status: 0; 1 verify found damage; 125 pl-image failed.");

  auto* build_command = app.add_subcommand("build", "Make an image of a directory, or of Debian packages and what they depend on");
  build_command->add_option("DIR", options.directory, "What becomes the root directory");
  build_command->add_option("-o,--output", options.image, "The image")->type_name("IMAGE")->required();
  build_command->add_option("--debian", options.packages, "Packages of Debian trixie for riscv64, fetched from this machine's mirror")->type_name("PKG...");
  build_command->add_option("--deb", options.package_files, "Package files, unpacked as they are: nothing is fetched for them")->type_name("FILE...");
  build_command->add_flag("--keep-owners", options.keep_owners, "Of a DIR: files keep their owners, which are root's otherwise");
  build_command->add_flag("--trust-mirror", options.trust_mirror, "Take a package list that does not match the signed release (unsigned)");

  auto* import_command = app.add_subcommand("import", "Make an image of a container image: an archive of docker save, or an OCI layout in a tar file");
  import_command->add_option("FILE", options.archive, "The archive")->required();
  import_command->add_option("-o,--output", options.image, "The image")->type_name("IMAGE")->required();

  auto* inspect_command = app.add_subcommand("inspect", "Show an image's root hash and sizes");
  auto* verify_command = app.add_subcommand("verify", "Read a whole image and check every block");
  for (CLI::App* command : {inspect_command, verify_command}) {
    command->add_option("IMAGE", options.image, "The image")->required();
    command->add_flag("--json", options.json, "As JSON");
  }
  verify_command->add_option("--root-hash", options.root_hash, "And that it is this very image")->type_name("HASH");
  if (auto parsed = parse_line(app, argc, argv); !parsed) {
    if (parsed.error().status) return complain(parsed.error().text + "\nTry 'pl-image --help'.");
    fmt::print("{}", parsed.error().text);
    return 0;
  }
  if (*build_command) return build(options);
  if (*import_command) return import(options);
  return *inspect_command ? inspect(options) : verify(options);
}

}  // namespace
}  // namespace pl

int main(int argc, char** argv) { return pl::run(argc, argv); }
