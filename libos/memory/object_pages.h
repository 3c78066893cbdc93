// SPDX-License-Identifier: BSD-2-Clause
// Pages of the object window: mapped, zeroed memory of the libOS, in whole pages. What heap, kernel stacks and large tables are made of.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"

namespace pl {

// `count` consecutive zeroed pages. NoMemory.
ErrorOr<void*> allocate_object_pages(size_t count);
void free_object_pages(void* address, size_t count);

}  // namespace pl
