// SPDX-License-Identifier: BSD-2-Clause
// Writes the measured configuration: struct pl_config and its records (libos/include/penglai/config.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/root_image.h"
#include "penglai/config.h"

namespace pl {

class Configuration {
 public:
  explicit Configuration(uint64_t shadow_point, uint32_t flags = 0) : shadow_point_(shadow_point), flags_(flags) {}

  // Before everything else.
  void add_root(const RootImage& image);
  // Absolute, normalized paths of at most 4,095 bytes; `mode` are permissions.
  void add_directory(std::string_view path, uint32_t mode);
  void add_link(std::string_view path, std::string_view target);
  // `content` must live until the pages are written.
  void add_file(std::string_view path, uint32_t mode, std::span<const std::byte> content);
  void add_file(std::string_view path, uint32_t mode, std::string_view content);
  void add_mount(std::string_view path, uint32_t flags);
  void add_environment(std::string_view name);
  void set_program(std::string_view path);
  void add_prefetch(std::string_view path);
  // How a template that runs its program starts it; strings without NUL.
  void set_start(std::span<const std::string> arguments, std::span<const std::string> environment, uint32_t user, uint32_t group);

  // struct pl_config and the records, without the padding to pages.
  std::vector<std::byte> serialize() const;
  // In the order in which their pages follow.
  std::span<const std::span<const std::byte>> contents() const { return contents_; }

 private:
  void file_record(std::string_view path, uint32_t mode, uint64_t size, std::string_view target);
  void append(uint32_t kind, const void* fixed, size_t fixed_size, std::string_view text, std::string_view more = {});

  uint64_t shadow_point_;
  uint32_t flags_;
  uint32_t records_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<std::span<const std::byte>> contents_;
};

}  // namespace pl
