// SPDX-License-Identifier: BSD-2-Clause
// Structures that the file families of system calls pass, as Linux lays them out on riscv64.
#pragma once

namespace pl {}  // namespace pl
