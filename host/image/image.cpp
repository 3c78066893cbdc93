// SPDX-License-Identifier: BSD-2-Clause
#include "image/image.h"

#include <sys/mman.h>

#include <cstring>
#include <utility>

namespace pl {
namespace {

constexpr size_t kPage = 4096;

constexpr size_t round_page(size_t size) { return (size + kPage - 1) & ~(kPage - 1); }

}  // namespace

Pages::Pages(size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) bytes_ = {static_cast<std::byte*>(memory), size};
}

Pages::Pages(Pages&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Pages& Pages::operator=(Pages&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Pages::~Pages() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

std::expected<std::span<const std::byte>, std::string> libos_pages(std::span<const std::byte> file) {
  pl_libos_header header;
  if (file.size() < sizeof header) return std::unexpected("truncated");
  std::memcpy(&header, file.data(), sizeof header);
  if (header.magic != PL_LIBOS_MAGIC) return std::unexpected("not a libOS image");
  if (header.image_size == 0 || header.image_size % kPage || header.memory_size % kPage ||
      header.memory_size < header.image_size)
    return std::unexpected("a malformed libOS image");
  if (header.image_size > file.size()) return std::unexpected("truncated");
  return file.first(header.image_size);
}

std::expected<Pages, std::string> build_image(std::span<const std::byte> libos, const Configuration& configuration) {
  std::vector<std::byte> config = configuration.serialize();
  size_t size = libos.size() + round_page(config.size());
  for (auto content : configuration.contents()) size += round_page(content.size());

  Pages pages(size);
  if (pages.bytes().empty()) return std::unexpected("out of memory");
  std::byte* at = pages.bytes().data();
  auto place = [&](std::span<const std::byte> part) {
    if (!part.empty()) std::memcpy(at, part.data(), part.size());
    at += round_page(part.size());
  };
  place(libos);
  place(config);
  for (auto content : configuration.contents()) place(content);
  return pages;
}

}  // namespace pl
