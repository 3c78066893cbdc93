// SPDX-License-Identifier: BSD-2-Clause
// All pages of an enclave before its first instruction: the libOS, the configuration, the first files. What is in here is
// what the monitor measures.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>

#include "image/configuration.h"

namespace pl {

// Page-aligned memory, zeroed.
class Pages {
 public:
  Pages() = default;
  explicit Pages(size_t size);  // a multiple of the page size; bytes() is empty if there is no memory
  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) noexcept;
  ~Pages();
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

// The bytes of libos.bin that are added, or why it is not one.
std::expected<std::span<const std::byte>, std::string> libos_pages(std::span<const std::byte> file);

// `libos` as libos_pages gives it.
std::expected<Pages, std::string> build_image(std::span<const std::byte> libos, const Configuration& configuration);

}  // namespace pl
