// SPDX-License-Identifier: BSD-2-Clause
#include "debug/debuggee.h"

#include <algorithm>

namespace pl {

std::expected<std::string, int> Debuggee::whole_file(std::string_view path, size_t limit) {
  std::string text;
  for (;;) {
    auto piece = file(path, text.size(), limit - text.size());
    if (!piece) return std::unexpected(piece.error());
    if (piece->bytes.empty()) return text;
    text.append(reinterpret_cast<const char*>(piece->bytes.data()), std::min(piece->bytes.size(), limit - text.size()));
    if (text.size() >= limit) return text;
  }
}

}  // namespace pl
