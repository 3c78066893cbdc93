// SPDX-License-Identifier: BSD-2-Clause
#include "run/note.h"

#include <algorithm>

#include "penglai/ioctl.h"

namespace pl {
namespace {

constexpr std::string_view kPrefetch = "prefetch ", kMore = "...";

}  // namespace

std::string template_note(std::span<const std::string> prefetch) {
  constexpr size_t kReserve = kPrefetch.size() + kMore.size() + 1;
  std::string note;
  auto add = [&](std::string_view path) { note.append(kPrefetch).append(path).push_back('\0'); };
  for (const std::string& path : prefetch) {
    if (note.size() + kPrefetch.size() + path.size() + 1 + kReserve > PL_NOTE_MAX) {
      add(kMore);
      break;
    }
    add(path);
  }
  return note;
}

std::vector<std::string> prefetched_paths(std::string_view note) {
  std::vector<std::string> paths;
  while (!note.empty()) {
    const size_t end = std::min(note.find('\0'), note.size());
    std::string_view line = note.substr(0, end);
    note.remove_prefix(std::min(end + 1, note.size()));
    if (!line.starts_with(kPrefetch)) continue;
    std::string& path = paths.emplace_back(line.substr(kPrefetch.size()));
    std::ranges::replace_if(path, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  }
  return paths;
}

}  // namespace pl
