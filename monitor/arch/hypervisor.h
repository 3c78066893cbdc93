// SPDX-License-Identifier: BSD-2-Clause
// With the H extension the host's S-mode is HS-mode and can leave things behind that change what runs next (hstatus.SPV makes
// the next sret enter VS-mode under the host's vsatp): every HS and VS CSR has a fixed value inside.
#pragma once

#include "core/types.h"

namespace pl::arch {

// At each start of a hart.
void prepare_hypervisor(bool has_sstc);
void install_hypervisor(u64 saved[20], bool has_sstc);
void uninstall_hypervisor(const u64 saved[20], bool has_sstc);
void fence_guest_translations();

}  // namespace pl::arch
