// SPDX-License-Identifier: BSD-2-Clause
// The page of code that every program finds mapped (vdso(7)): the signal trampoline, and the clocks without a system call.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/error.h"
#include "memory/address_space.h"

namespace pl {

// Maps it; returns where its ELF header is.
ErrorOr<UserAddress> map_vdso(AddressSpace& space);
uint64_t vdso_sigreturn_offset();

// The clocks changed: anchored anew in a fork, or set. The page that programs read is written on the next look.
void update_vdso_clocks();

}  // namespace pl
