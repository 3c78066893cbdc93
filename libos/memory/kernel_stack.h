// SPDX-License-Identifier: BSD-2-Clause
// Kernel stacks: 16 KiB of the object window, an unmapped page below. Only the top page is there from the start; the others appear
// when they are touched.
#pragma once

#include "base/address.h"
#include "base/error.h"

namespace pl {

constexpr uint64_t KernelStackSize = 16384;

// The lowest address; the stack starts at that + KernelStackSize.
ErrorOr<KernelAddress> allocate_kernel_stack();
void free_kernel_stack(KernelAddress stack);  // not the one that is running
// The stack that start.cpp runs on, cold and in each fork: it becomes the first thread's.
KernelAddress boot_stack();

}  // namespace pl
