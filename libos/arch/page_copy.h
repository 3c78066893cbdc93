// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#ifdef PL_HOSTED
#include <cstring>
#endif

namespace pl {

#ifdef PL_HOSTED
inline void copy_page(void* to, const void* from) { std::memcpy(to, from, 4096); }
inline void zero_page(void* to) { std::memset(to, 0, 4096); }
#else
extern "C" void copy_page(void* to, const void* from);
extern "C" void zero_page(void* to);
// A multiple of 64 bytes, not 0; addresses 8-byte aligned.
extern "C" void copy_words(void* to, const void* from, size_t bytes);
extern "C" void fill_words(void* to, size_t bytes, uint64_t pattern);
#endif

}  // namespace pl
