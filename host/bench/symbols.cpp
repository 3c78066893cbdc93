// SPDX-License-Identifier: BSD-2-Clause
#include "bench/symbols.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

namespace pl::bench {
namespace {

constexpr uint64_t kObjectWindow = 0xffffffff80000000;  // where the image is linked: libos/arch/layout.h
constexpr uint64_t kPage = 4096;
constexpr size_t kShown = 4;

}  // namespace

Symbols::Symbols(const std::string& path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    uint64_t address, size;
    char type;
    std::string name;
    // Symbols without a size (labels) have no second number.
    if (!(words >> std::hex >> address >> size >> type) || !std::getline(words >> std::ws, name) || size == 0) continue;
    if (std::string_view("dDbB").find(type) == std::string_view::npos) continue;
    symbols_.push_back({address - kObjectWindow, size, name});
  }
}

std::string Symbols::name(const std::string& line) const {
  constexpr std::string_view mark = "image+0x";
  const size_t at = line.find(mark);
  if (at == std::string::npos || line.find("page table") != std::string::npos) return line;
  const uint64_t page = std::strtoull(line.c_str() + at + mark.size(), nullptr, 16);
  std::vector<const Symbol*> inside;
  for (const Symbol& symbol : symbols_)
    if (symbol.offset < page + kPage && symbol.offset + symbol.size > page) inside.push_back(&symbol);
  if (inside.empty()) return line;
  std::ranges::stable_sort(inside, std::greater{}, &Symbol::size);
  std::string text = line + ":";
  for (size_t i = 0; i < std::min(inside.size(), kShown); ++i) text += fmt::format("{} {} ({})", i ? "," : "", inside[i]->name, inside[i]->size);
  if (inside.size() > kShown) text += fmt::format(" and {} more", inside.size() - kShown);
  return text;
}

}  // namespace pl::bench
