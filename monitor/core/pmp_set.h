// SPDX-License-Identifier: BSD-2-Clause
// What a hart may reach while an enclave runs on it, as the contents of the sixteen PMP entries (privileged spec 3.7).
#pragma once

#include "core/enclave.h"

namespace pl {

inline constexpr unsigned kPmpEntries = 16;

struct PmpSet {
  u64 address[kPmpEntries];
  u64 config[2];  // pmpcfg0, pmpcfg2
  u32 used;       // bit n: entry n's address counts

  static constexpr u8 kRead = 1, kWrite = 2, kExecute = 4, kTop = 1 << 3, kNatural = 3 << 3, kLocked = 1 << 7;

  u8 config_of(unsigned entry) const { return static_cast<u8>(config[entry / 8] >> (entry % 8 * 8)); }
};

// `first`: entry to begin with. The host's own entries are low, so an enclave's begin above them and only the two
// configuration words change at most switches. All entries that are not the enclave's are off.
void compute_pmp_set(const Enclave& enclave, unsigned first, PmpSet& set);

}  // namespace pl
