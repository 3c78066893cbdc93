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
// At a freeze: the page belongs to the template, its forks make their own.
void forget_vdso_clocks();

// The file whose second page is that page (offset PageSize): what a mapping of /dev/shadow shows. The word at GenerationOffset is the
// instance's generation.
constexpr uint64_t VdsoGenerationOffset = 64;
ErrorOr<Ref<Inode>> vdso_file();

}  // namespace pl
