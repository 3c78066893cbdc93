// SPDX-License-Identifier: BSD-2-Clause
// How capabilities change with who one is: capabilities(7), as Linux's security/commoncap.c has it.
#include "process/credentials.h"

namespace pl {

void Credentials::user_changed(const Ids& old) {
  if (secure_bits & secure_bit::NoSetUidFixup) return;
  bool was_root = !old.uid || !old.euid || !old.suid, is_root = !uid || !euid || !suid;
  if (was_root && !is_root) {
    if (!(secure_bits & secure_bit::KeepCapabilities)) effective = permitted = {};
    ambient = {};
  }
  if (!old.euid && euid) effective = {};
  if (old.euid && !euid) effective = permitted;
}

void Credentials::file_user_changed(uint32_t old) {
  if (secure_bits & secure_bit::NoSetUidFixup) return;
  constexpr CapabilitySet OfFiles = CapabilitySet::of(Capability::ChangeOwner, Capability::OverrideAccess, Capability::ReadAndSearch, Capability::FileOwner,
                                                      Capability::KeepSetId, Capability::Immutable, Capability::MakeNode, Capability::MandatoryOverride);
  if (!old && fsuid) effective = effective & ~OfFiles;
  if (old && !fsuid) effective = effective | (permitted & OfFiles);
}

bool Credentials::hidden_after(const Ids& old) const {
  return euid != old.euid || egid != old.egid || fsuid != old.fsuid || fsgid != old.fsgid || !permitted.within(old.permitted);
}

bool Credentials::execute(uint32_t set_uid, uint32_t set_gid, Gains gains) {
  const CapabilitySet had = permitted;
  const bool changes = set_uid != uid || set_gid != gid, root = !(secure_bits & secure_bit::NoRoot);
  euid = set_uid;
  egid = set_gid;
  permitted = root && (!euid || !uid) ? bounding | inheritable : CapabilitySet{};
  const bool all_effective = root && !euid;
  if (gains != Gains::Granted && (changes || !permitted.within(had))) {
    if (gains == Gains::Forbidden || !has(Capability::SetUid)) {
      euid = uid;
      egid = gid;
    }
    permitted = permitted & had;
  }
  suid = fsuid = euid;
  sgid = fsgid = egid;
  if (changes) ambient = {};
  permitted = permitted | ambient;
  effective = all_effective ? permitted : ambient;
  secure_bits &= ~secure_bit::KeepCapabilities;
  return changes;
}

}  // namespace pl
