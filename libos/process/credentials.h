// SPDX-License-Identifier: BSD-2-Clause
// Who a process is (credentials(7)). User 0 holds every capability, anyone else none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace pl {

struct Credentials {
  static constexpr size_t MaxGroups = 32;
  uint32_t uid = 0, euid = 0, suid = 0, fsuid = 0;
  uint32_t gid = 0, egid = 0, sgid = 0, fsgid = 0;
  uint32_t group_count = 0;
  uint32_t groups[MaxGroups] = {};

  bool privileged() const { return euid == 0; }
  bool in_group(uint32_t group) const {
    return group == fsgid || std::find(groups, groups + group_count, group) != groups + group_count;
  }
};

}  // namespace pl
