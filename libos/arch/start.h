// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "base/address.h"

namespace pl {

PhysicalAddress boot_page();
// What a context of this hart needs to take traps: stvec, which interrupts may break into a program, counters readable from it.
void initialize_hart();

}  // namespace pl
