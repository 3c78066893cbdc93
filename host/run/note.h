// SPDX-License-Identifier: BSD-2-Clause
// What a template's note (PL_IOC_NOTE) says, for people: each line a string that ends with a NUL, "prefetch PATH" for what it has read of
// its root image. One that does not fit ends with "...".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pl {

std::string template_note(std::span<const std::string> prefetch);
// The paths in one; "..." for those that had no room. Other lines are a later version's.
std::vector<std::string> prefetched_paths(std::string_view note);

}  // namespace pl
