// SPDX-License-Identifier: BSD-2-Clause
// The accesses behind memory/user.h, which is what everyone else calls. Addresses must lie in the user half.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pl {

struct AtomicResult {
  int64_t failed;
  int64_t value;
};

// Each returns the number of bytes that were not done because of a fault.
extern "C" size_t user_copy(void* to, const void* from, size_t bytes);
extern "C" size_t user_zero(void* to, size_t bytes);
extern "C" size_t user_copy_string(char* to, const char* from, size_t capacity);
extern "C" AtomicResult user_load(const void* from);
extern "C" AtomicResult user_compare_exchange(void* at, uint32_t expected, uint32_t desired);

}  // namespace pl
