// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <cstdint>

namespace pl {

// Instructions that the hart has retired, in whatever world (unprivileged specification, 7.1). For accounts, not for time.
inline uint64_t instructions_retired() {
#ifdef PL_HOSTED
  return 0;
#else
  uint64_t count;
  asm volatile("rdinstret %0" : "=r"(count));
  return count;
#endif
}

}  // namespace pl
