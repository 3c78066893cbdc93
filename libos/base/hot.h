// SPDX-License-Identifier: BSD-2-Clause
// The hot block: variables that every fork writes. Their pages are private to a fork before its first trap, so a write costs
// nothing and can never fault. Everything else in the libOS's data is copied on write, about 2,000 instructions a page: what a
// system call writes on its common path belongs here, or into the current thread.
#pragma once

#ifdef PL_HOSTED  // unit tests on the development machine
#define PL_HOT
#define PL_HOT_FRESH
#else
#define PL_HOT [[gnu::section(".hot")]]
// Begins as zero in a fork, whatever the template had there: neither copied nor cleared.
#define PL_HOT_FRESH [[gnu::section(".hot_fresh")]]
#endif

namespace pl {

// True for an object that is part of a template and is seen from a fork: it is immortal and must not be counted, freed,
// relinked or locked in place. Always false before the freeze, and of the hot block, which is the fork's own.
bool is_frozen(const void* object);

}  // namespace pl
