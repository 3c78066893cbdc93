// SPDX-License-Identifier: BSD-2-Clause
#include "root/import.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "run/options.h"

namespace pl {
namespace {

namespace fs = std::filesystem;

using Failed = std::unexpected<std::string>;
using Json = nlohmann::json;
constexpr std::string_view kWhiteout = ".wh.", kOpaque = ".wh..wh..opq";

struct Close {
  void operator()(archive* a) const { archive_free(a); }
};
using Archive = std::unique_ptr<archive, Close>;

// The name of an entry below the root: "etc/passwd"; empty for the root itself. Nothing: it leads out.
std::optional<std::string> name_of(const char* text) {
  if (!text) return std::nullopt;
  auto path = normalize_path("/" + std::string(text));
  return path ? std::optional(path->substr(1)) : std::nullopt;
}

// Calls `take` for each entry; an error of its ends the reading.
std::expected<void, std::string> for_each_entry(const fs::path& file,
                                                const std::function<std::expected<void, std::string>(archive*, archive_entry*, const std::string&)>& take) {
  Archive reader(archive_read_new());
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_tar(reader.get());
  auto failed = [&] { return Failed(file.filename().string() + ": " + (archive_error_string(reader.get()) ? archive_error_string(reader.get()) : "not an archive")); };
  if (archive_read_open_filename(reader.get(), file.c_str(), 1 << 16) != ARCHIVE_OK) return failed();
  archive_entry* entry;
  for (int code; (code = archive_read_next_header(reader.get(), &entry)) != ARCHIVE_EOF;) {
    if (code < ARCHIVE_WARN) return failed();
    auto name = name_of(archive_entry_pathname(entry));
    if (!name) return Failed(file.filename().string() + ": an entry leads out of it: " + archive_entry_pathname(entry));
    if (auto taken = take(reader.get(), entry, *name); !taken) return taken;
  }
  return {};
}

// Writes an entry to where its name is below `root`. No link on the way is followed: a layer could lead out by one.
std::expected<void, std::string> write_entry(archive* reader, archive_entry* entry, const fs::path& root, const std::string& name) {
  Archive writer(archive_write_disk_new());
  archive_write_disk_set_options(writer.get(), ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_UNLINK | ARCHIVE_EXTRACT_SECURE_NODOTDOT);
  archive_entry_set_pathname(entry, (root / name).c_str());
  if (const char* target = archive_entry_hardlink(entry)) {
    auto below = name_of(target);
    if (!below) return Failed("a link leads out of it: " + std::string(target));
    archive_entry_set_hardlink(entry, (root / *below).c_str());
  }
  if (archive_read_extract2(reader, entry, writer.get()) < ARCHIVE_WARN) return Failed(name + ": " + archive_error_string(writer.get()));
  return {};
}

// True if a directory on the way to `name` is a link: then it is not one of this layer's own making, and is resolved below the root.
std::expected<std::string, std::string> resolve_parents(const fs::path& root, const std::string& name, unsigned depth = 0) {
  if (depth > 40) return Failed(name + ": too many links on the way");
  std::string done;
  for (size_t at = 0; at < name.size();) {
    size_t end = name.find('/', at);
    if (end == name.npos) return done.empty() ? name.substr(at) : done + "/" + name.substr(at);
    std::string next = (done.empty() ? "" : done + "/") + name.substr(at, end - at);
    std::error_code error;
    if (fs::is_symlink(root / next, error)) {
      std::string target = fs::read_symlink(root / next, error).string();
      auto path = normalize_path(target.starts_with('/') ? target : "/" + done + "/" + target);
      if (!path) return Failed(name + ": a link on the way leads out of the image");
      return resolve_parents(root, path->substr(1) + "/" + name.substr(end + 1), depth + 1);
    }
    done = std::move(next);
    at = end + 1;
  }
  return done;
}

std::expected<void, std::string> apply_layer(const fs::path& layer, const fs::path& root) {
  return for_each_entry(layer, [&](archive* reader, archive_entry* entry, const std::string& given) -> std::expected<void, std::string> {
    if (given.empty()) return {};
    auto name = resolve_parents(root, given);
    if (!name) return Failed(name.error());
    const fs::path path = root / *name;
    const std::string last = path.filename().string();
    std::error_code error;
    if (last == kOpaque) {
      for (const auto& old : fs::directory_iterator(path.parent_path(), error)) fs::remove_all(old.path(), error);
      return {};
    }
    if (last.starts_with(kWhiteout)) {
      fs::remove_all(path.parent_path() / last.substr(kWhiteout.size()), error);
      return {};
    }
    const mode_t type = archive_entry_filetype(entry);
    if (type == AE_IFCHR || type == AE_IFBLK) return {};
    // A directory over a directory changes it; everything else takes the place of what was there.
    if (type != AE_IFDIR || fs::is_symlink(path, error) || !fs::is_directory(path, error)) fs::remove_all(path, error);
    return write_entry(reader, entry, root, *name);
  });
}

std::expected<Json, std::string> read_json(const fs::path& path) {
  std::ifstream file(path);
  Json json = Json::parse(file, nullptr, false);
  if (json.is_discarded()) return Failed(path.filename().string() + ": not valid JSON");
  return json;
}

std::string blob(const std::string& digest) {
  size_t colon = digest.find(':');
  return "blobs/" + digest.substr(0, colon) + "/" + (colon == digest.npos ? "" : digest.substr(colon + 1));
}

// Files of the archive that hold the layers, from the lowest up.
std::expected<std::vector<std::string>, std::string> layers_of(const fs::path& top) {
  std::vector<std::string> layers;
  try {
    if (fs::exists(top / "manifest.json")) {  // docker save
      auto manifest = read_json(top / "manifest.json");
      if (!manifest) return Failed(manifest.error());
      if (manifest->size() != 1) return Failed("an archive of " + std::to_string(manifest->size()) + " images: save the one that is meant");
      return manifest->at(0).at("Layers").get<std::vector<std::string>>();
    }
    if (!fs::exists(top / "index.json")) return Failed("neither manifest.json nor index.json in it: not an archive of docker save or an OCI layout");
    auto at = read_json(top / "index.json");
    // An index may hold further ones, one for each platform.
    for (unsigned depth = 0; at && at->contains("manifests"); ++depth) {
      const Json* chosen = nullptr;
      for (const Json& manifest : at->at("manifests"))
        if (!manifest.contains("platform") || manifest.at("platform").value("architecture", "") == "riscv64") chosen = &manifest;
      if (!chosen || depth == 4) return Failed("no image for riscv64 in it");
      auto name = name_of(blob(chosen->at("digest").get<std::string>()).c_str());
      at = read_json(top / name.value_or(""));
    }
    if (!at) return Failed(at.error());
    for (const Json& layer : at->at("layers")) layers.push_back(blob(layer.at("digest").get<std::string>()));
  } catch (const Json::exception& error) {
    return Failed(std::string("its manifest is malformed: ") + error.what());
  }
  return layers;
}

}  // namespace

std::expected<void, std::string> unpack_archive(const fs::path& file, const fs::path& root, const fs::path& work) {
  auto unpacked = for_each_entry(file, [&](archive* reader, archive_entry* entry, const std::string& name) -> std::expected<void, std::string> {
    // Of the outer archive, plain files and directories are all that is needed (docker save links layers to each other).
    return name.empty() ? std::expected<void, std::string>() : write_entry(reader, entry, work, name);
  });
  if (!unpacked) return unpacked;
  auto layers = layers_of(work);
  if (!layers) return Failed(file.filename().string() + ": " + layers.error());
  if (layers->empty()) return Failed(file.filename().string() + ": an image without layers");
  for (const std::string& layer : *layers) {
    auto name = name_of(layer.c_str());
    if (!name || !fs::is_regular_file(work / *name)) return Failed(file.filename().string() + ": the layer " + layer + " is missing");
    if (auto applied = apply_layer(work / *name, root); !applied) return Failed(layer + ": " + applied.error());
  }
  return {};
}

}  // namespace pl
