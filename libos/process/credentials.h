// SPDX-License-Identifier: BSD-2-Clause
// Who a thread is (credentials(7)), and what it may do for it (capabilities(7)). User 0 has no power of its own: a change of ids and
// execve give and take capabilities as the secure bits say.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/capability.h"

namespace pl {

namespace secure_bit {  // uapi linux/securebits.h; each with a lock above it
constexpr uint32_t NoRoot = 1, NoSetUidFixup = 4, KeepCapabilities = 16, NoAmbientRaise = 64;
constexpr uint32_t All = NoRoot | NoSetUidFixup | KeepCapabilities | NoAmbientRaise, Locks = All << 1;
}  // namespace secure_bit

// What a change is measured by.
struct Ids {
  uint32_t uid = 0, euid = 0, suid = 0, fsuid = 0;
  uint32_t gid = 0, egid = 0, sgid = 0, fsgid = 0;
  CapabilitySet permitted = CapabilitySet::all();
};

struct Credentials : Ids {
  static constexpr size_t MaxGroups = 32;
  CapabilitySet effective = CapabilitySet::all(), bounding = CapabilitySet::all();
  CapabilitySet inheritable, ambient;
  uint32_t secure_bits = 0;
  bool no_new_privileges = false;
  uint32_t group_count = 0;
  uint32_t groups[MaxGroups] = {};

  bool has(Capability c) const { return effective.has(c); }
  bool in_group(uint32_t group) const {
    return group == fsgid || std::find(groups, groups + group_count, group) != groups + group_count;
  }

  // An instance begins as these. No other user than 0 has any capability.
  void begin_as(uint32_t user, uint32_t group) {
    uid = euid = suid = fsuid = user;
    gid = egid = sgid = fsgid = group;
    if (user) effective = permitted = {};
  }
  // After the user ids, or fsuid alone, have changed from what `old` says ("Effect of user ID changes on capabilities").
  void user_changed(const Ids& old);
  void file_user_changed(uint32_t old);

  // Whether others who could look into a program of `old`'s may not do so into one of these.
  bool hidden_after(const Ids& old) const;

  // execve of a file with no capabilities of its own; `set_uid`, `set_gid`: the effective ids that it asks for. Restricted: what the
  // program gains is not for it. True: it is more than its caller is (AT_SECURE).
  enum class Gains : uint8_t { Granted, Restricted, Forbidden };
  bool execute(uint32_t set_uid, uint32_t set_gid, Gains gains);
};

}  // namespace pl
