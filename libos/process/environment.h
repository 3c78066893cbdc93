// SPDX-License-Identifier: BSD-2-Clause
// Which environment variables the host may set: measured policy (struct pl_record_environment), not the host's word.
#pragma once

#include <string_view>

namespace pl {

// A name, or a prefix ending in '*'; the text stays where it is. Without any call, every name but those that change how a program is
// loaded is allowed.
void allow_environment(std::string_view pattern);
bool environment_allowed(std::string_view name);

}  // namespace pl
