// SPDX-License-Identifier: BSD-2-Clause
// Built with Zbb (CMakeLists.txt); runs where the monitor says that the hart has it.
#define PL_ZBB
#include "base/sha256_blocks.cpp"
