// SPDX-License-Identifier: BSD-2-Clause
// Lines of pl-run for its user.
#pragma once

#include <functional>
#include <string_view>

namespace pl {

using Say = std::function<void(std::string_view line)>;

// On standard error, one write a line, so that lines of several processes do not mix.
void say(std::string_view text, std::string_view whose = "");

// Called before each line: whoever has something on the screen that a line would tear apart takes it away.
void before_saying(std::function<void()> hook);

}  // namespace pl
