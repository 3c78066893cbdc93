// SPDX-License-Identifier: BSD-2-Clause
#include "run/hint.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace pl {
namespace {

bool is_below(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

// What is there inside without a mount.
constexpr std::array<std::string_view, 6> kInside = {"/bin", "/dev", "/etc", "/proc", "/root", "/tmp"};

}  // namespace

std::optional<std::string> missing_mount(const RunOptions& options, const HostFiles& files) {
  if (!options.rootfs.empty()) return std::nullopt;  // what an image has is not known here
  for (const std::string& argument : options.arguments) {
    if (argument.starts_with('-') || argument.find('/') == std::string::npos) continue;
    // What it names inside; a relative path starts from the working directory there, and from the caller's here.
    auto inside = normalize_path(argument.starts_with('/') ? argument : options.directory + "/" + argument);
    if (!inside || *inside == "/") continue;
    auto shown = [&](std::string_view directory) { return is_below(*inside, directory); };
    if (std::ranges::any_of(kInside, shown)) continue;
    if (std::ranges::any_of(options.mounts, shown, &MountOption::guest)) continue;
    auto found = files.open(argument, O_PATH);
    struct stat status;
    if (!found || fstat(found->get(), &status) < 0) continue;
    bool is_directory = S_ISDIR(status.st_mode);
    auto parent = [&](std::string path) {
      while (path.size() > 1 && path.ends_with('/')) path.pop_back();
      size_t slash = path.rfind('/');
      if (is_directory || slash == path.npos) return path;
      return slash == 0 ? std::string("/") : path.substr(0, slash);
    };
    std::string from = parent(argument), to = parent(*inside);
    if (to == "/") from = argument, to = *inside;  // a file of its own
    return fmt::format("{} is on the host and not inside: -v {}:{} would show it", argument, from, to);
  }
  return std::nullopt;
}

}  // namespace pl
