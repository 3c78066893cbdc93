// SPDX-License-Identifier: BSD-2-Clause
#include "strace/memory.h"

#include <fmt/format.h>

namespace pl {
namespace {

constexpr size_t kMostPieces = 256;  // more than any call's

}  // namespace

void Memory::add(uint64_t address, std::string bytes) {
  // Long ones come in several pieces.
  if (auto next = pieces_.lower_bound(address); next != pieces_.begin()) {
    auto before = std::prev(next);
    if (before->first + before->second.size() == address && next == pieces_.end() && before->second.size() <= 4096) {
      before->second += bytes;
      return;
    }
  }
  if (pieces_.size() < kMostPieces) pieces_[address] = std::move(bytes);
}

void Memory::add(Memory&& later) {
  for (auto& [address, bytes] : later.pieces_) pieces_[address] = std::move(bytes);
}

std::string_view Memory::from(uint64_t address) const {
  auto next = pieces_.upper_bound(address);
  if (next == pieces_.begin()) return {};
  const auto& [start, bytes] = *std::prev(next);
  return address - start < bytes.size() ? std::string_view(bytes).substr(address - start) : std::string_view{};
}

std::string quoted(std::string_view bytes) {
  std::string text = "\"";
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    switch (c) {
      case '\n': text += "\\n"; break;
      case '\t': text += "\\t"; break;
      case '\r': text += "\\r"; break;
      case '\v': text += "\\v"; break;
      case '\f': text += "\\f"; break;
      case '"': text += "\\\""; break;
      case '\\': text += "\\\\"; break;
      default: {
        const bool digit_follows = i + 1 < bytes.size() && bytes[i + 1] >= '0' && bytes[i + 1] <= '7';
        if (c >= ' ' && c <= '~') text += static_cast<char>(c);
        else text += digit_follows ? fmt::format("\\{:03o}", c) : fmt::format("\\{:o}", c);
      }
    }
  }
  return text + '"';
}

}  // namespace pl
