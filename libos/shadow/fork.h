// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "arch/image.h"

namespace pl::shadow {

// The C++ half of a fork's beginning: allocator, object window and address space go on with what early code has built.
void adopt(const Handover& handover);

}  // namespace pl::shadow
