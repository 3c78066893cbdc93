// SPDX-License-Identifier: BSD-2-Clause
#include "run/say.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace pl {
namespace {

std::function<void()> before;

}  // namespace

void before_saying(std::function<void()> hook) { before = std::move(hook); }

void say(std::string_view text, std::string_view whose) {
  if (before) before();
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string line = fmt::format("pl-run: {}{}\n", whose, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
  }
}

}  // namespace pl
