// SPDX-License-Identifier: BSD-2-Clause
// What the machine is made of: settings (file, then environment, then options) and images.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace pl::machine {

struct Settings {
  unsigned harts = 2;
  uint64_t memory = 2ull << 30;
  uint64_t pool = 0;  // 0: half of the memory, at most
  std::chrono::seconds idle = std::chrono::minutes(10);
  std::string icount = {};  // QEMU's -icount, for benchmarks; empty: off

  bool operator==(const Settings&) const = default;
};

// What `pl-machine start` was told to have otherwise, for one life of the machine.
struct Overrides {
  std::optional<std::string> harts = {}, memory = {}, pool = {}, idle = {}, icount = {};
};

struct Images {
  std::filesystem::path firmware, kernel, initramfs;
};

// The error is a line for the user.
using SettingsResult = std::expected<Settings, std::string>;

// ~/.config/penglai/machine.toml (or below XDG_CONFIG_HOME), then PENGLAI_HARTS, _MEMORY, _POOL, _IDLE.
SettingsResult read_settings();
SettingsResult override_settings(Settings settings, const Overrides& overrides);
std::filesystem::path settings_path();

// Beside this program: of a build tree, or installed. PENGLAI_FIRMWARE, PENGLAI_KERNEL, PENGLAI_INITRAMFS come first.
Images find_images();
// A line for the user if one is missing.
std::optional<std::string> missing_image(const Images& images);

// Changes when the settings do, or an image: its place, inode, size or time.
std::string fingerprint(const Settings& settings, const Images& images);

nlohmann::json to_json(const Settings& settings);
SettingsResult settings_from_json(const nlohmann::json& json);

std::string show_size(uint64_t bytes);      // 2G
std::string show_time(std::chrono::seconds time);  // 10min

}  // namespace pl::machine
