// SPDX-License-Identifier: BSD-2-Clause
// A user's own folder in this machine, closed to others: /run/penglai/UID where somebody has made that, or else below
// $XDG_RUNTIME_DIR or /tmp.
#pragma once

#include <expected>
#include <string>

namespace pl {

// A folder `part` in it. EACCES: what is there is not safely this user's.
std::expected<std::string, int> user_folder(const std::string& part);

}  // namespace pl
