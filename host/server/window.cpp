// SPDX-License-Identifier: BSD-2-Clause
#include "server/window.h"

namespace pl {

std::string Window::printable(const char* text, size_t limit) {
  std::string line;
  for (size_t i = 0; i < limit; ++i) {
    char c = *const_cast<const volatile char*>(text + i);
    if (c == '\0') break;
    line += (c >= ' ' && c <= '~') || c == '\n' ? c : '?';
  }
  while (!line.empty() && line.back() == '\n') line.pop_back();
  return line;
}

}  // namespace pl
