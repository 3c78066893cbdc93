// SPDX-License-Identifier: BSD-2-Clause
#include "settings.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <toml++/toml.h>

namespace pl::machine {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kMaxHarts = 8;
constexpr uint64_t kMiB = 1ull << 20;
constexpr uint64_t kMinMemory = 256 * kMiB;
constexpr uint64_t kMaxMemory = 256ull << 30;
constexpr uint64_t kMinPool = 4 * kMiB;

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// A whole number and a unit, nothing else.
std::optional<uint64_t> parse(std::string_view text, std::initializer_list<Unit> units) {
  uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<size_t>(rest - text.data()));
  for (const Unit& known : units) {
    if (unit != known.name) continue;
    if (number > UINT64_MAX / known.factor) return std::nullopt;
    return number * known.factor;
  }
  return std::nullopt;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  return parse(text, {{"", 1}, {"k", 1 << 10}, {"K", 1 << 10}, {"KiB", 1 << 10}, {"m", kMiB}, {"M", kMiB}, {"MiB", kMiB},
                      {"g", 1 << 30}, {"G", 1 << 30}, {"GiB", 1 << 30}});
}

std::optional<uint64_t> parse_time(std::string_view text) {
  return parse(text, {{"", 1}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}});
}

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (!value || !*value) return std::nullopt;
  return value;
}

// A TOML value as the user would write it on the command line.
std::optional<std::string> text_of(const toml::table& table, std::string_view key) {
  const auto node = table[key];
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<int64_t>()) return std::to_string(*number);
  if (node) return std::string("?");
  return std::nullopt;
}

fs::path image(const char* variable, const fs::path& build, const fs::path& installed) {
  if (const auto named = environment(variable)) return fs::absolute(*named);
  std::error_code error;
  const fs::path bin = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path first = (bin / ".." / build).lexically_normal();
  const fs::path second = (bin / ".." / "lib/penglai/machine" / installed).lexically_normal();
  return fs::exists(second, error) && !fs::exists(first, error) ? second : first;
}

}  // namespace

SettingsResult override_settings(Settings settings, const Overrides& overrides) {
  if (overrides.harts) {
    const auto harts = parse(*overrides.harts, {{"", 1}});
    if (!harts || *harts < 1 || *harts > kMaxHarts) {
      return std::unexpected(fmt::format("harts must be 1 to {}, not '{}'", kMaxHarts, *overrides.harts));
    }
    settings.harts = static_cast<unsigned>(*harts);
  }
  if (overrides.memory) {
    const auto memory = parse_size(*overrides.memory);
    if (!memory || *memory < kMinMemory || *memory > kMaxMemory || *memory % kMiB) {
      return std::unexpected(fmt::format("memory must be a size such as 2G, from 256M to 256G, not '{}'", *overrides.memory));
    }
    settings.memory = *memory;
  }
  if (overrides.pool) {
    const auto pool = parse_size(*overrides.pool);
    if (!pool || (*pool != 0 && (*pool < kMinPool || !std::has_single_bit(*pool)))) {
      return std::unexpected(fmt::format("pool must be a power of two of at least 4M, or 0 for half of the memory, not '{}'", *overrides.pool));
    }
    settings.pool = *pool;
  }
  if (settings.pool > settings.memory / 2) {
    return std::unexpected(fmt::format("the pool ({}) may take at most half of the memory ({})", show_size(settings.pool), show_size(settings.memory)));
  }
  if (overrides.idle) {
    const auto idle = parse_time(*overrides.idle);
    if (!idle || *idle > 365 * 86400) {
      return std::unexpected(fmt::format("idle time must be a time such as 10min, or 0 for never, not '{}'", *overrides.idle));
    }
    settings.idle = std::chrono::seconds(*idle);
  }
  if (overrides.icount) settings.icount = *overrides.icount;
  return settings;
}

fs::path settings_path() {
  if (const auto directory = environment("XDG_CONFIG_HOME")) return fs::path(*directory) / "penglai/machine.toml";
  return fs::path(environment("HOME").value_or("/")) / ".config/penglai/machine.toml";
}

SettingsResult read_settings() {
  Overrides from_file;
  const fs::path path = settings_path();
  std::error_code error;
  if (fs::exists(path, error)) {
    try {
      const toml::table table = toml::parse_file(path.string());
      for (const auto& [key, value] : table) {
        if (key != "harts" && key != "memory" && key != "pool" && key != "idle") {
          return std::unexpected(fmt::format("{}: unknown setting '{}'", path.string(), std::string_view(key)));
        }
      }
      from_file = {text_of(table, "harts"), text_of(table, "memory"), text_of(table, "pool"), text_of(table, "idle"), {}};
    } catch (const toml::parse_error& problem) {
      return std::unexpected(fmt::format("{}:{}: {}", path.string(), problem.source().begin.line, problem.description()));
    }
  }
  auto settings = override_settings({}, from_file);
  if (!settings) return std::unexpected(fmt::format("{}: {}", path.string(), settings.error()));
  settings = override_settings(*settings, {environment("PENGLAI_HARTS"), environment("PENGLAI_MEMORY"), environment("PENGLAI_POOL"),
                                           environment("PENGLAI_IDLE"), {}});
  if (!settings) return std::unexpected("environment (PENGLAI_*): " + settings.error());
  return settings;
}

Images find_images() {
  return {image("PENGLAI_FIRMWARE", "firmware/penglai-fw.bin", "penglai-fw.bin"),
          image("PENGLAI_KERNEL", "kernel/arch/riscv/boot/Image", "Image"),
          image("PENGLAI_INITRAMFS", "machine/initramfs.cpio", "initramfs.cpio")};
}

std::optional<std::string> missing_image(const Images& images) {
  for (const fs::path& path : {images.firmware, images.kernel, images.initramfs}) {
    if (::access(path.c_str(), R_OK) != 0) return fmt::format("the machine's image {} is missing; build the project first", path.string());
  }
  return std::nullopt;
}

std::string fingerprint(const Settings& settings, const Images& images) {
  std::string text = to_json(settings).dump();
  for (const fs::path& path : {images.firmware, images.kernel, images.initramfs}) {
    struct stat status{};
    ::stat(path.c_str(), &status);
    text += fmt::format("|{} {}:{} {} {}.{:09}", path.string(), status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                        status.st_mtim.tv_nsec);
  }
  return text;
}

nlohmann::json to_json(const Settings& settings) {
  return {{"harts", settings.harts},
          {"memory", settings.memory},
          {"pool", settings.pool},
          {"idle_seconds", settings.idle.count()},
          {"icount", settings.icount}};
}

SettingsResult settings_from_json(const nlohmann::json& json) {
  try {
    return override_settings({}, {std::to_string(json.at("harts").get<unsigned>()), std::to_string(json.at("memory").get<uint64_t>()),
                                  std::to_string(json.at("pool").get<uint64_t>()),
                                  std::to_string(json.at("idle_seconds").get<int64_t>()), json.at("icount").get<std::string>()});
  } catch (const nlohmann::json::exception& problem) {
    return std::unexpected(problem.what());
  }
}

std::string show_size(uint64_t bytes) {
  for (const auto& [unit, shift] : {std::pair{"G", 30}, {"M", 20}, {"K", 10}}) {
    if (bytes >> shift && bytes % (1ull << shift) == 0) return fmt::format("{}{}", bytes >> shift, unit);
  }
  return std::to_string(bytes);
}

std::string show_time(std::chrono::seconds time) {
  const auto seconds = time.count();
  for (const auto& [unit, factor] : {std::pair{"h", 3600}, {"min", 60}}) {
    if (seconds >= factor && seconds % factor == 0) return fmt::format("{}{}", seconds / factor, unit);
  }
  return fmt::format("{}s", seconds);
}

}  // namespace pl::machine
