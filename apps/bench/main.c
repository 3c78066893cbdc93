// SPDX-License-Identifier: BSD-2-Clause
// As bench-first, for the shadow points behind the program's first instruction: the counter where main begins (bench-main), or where
// pl_shadow_point() returns (bench-call).
#include <penglai/shadow.h>
#include <stdint.h>
#include <unistd.h>

static inline uint64_t instructions(void) {
  uint64_t count;
  __asm__ volatile("rdinstret %0" : "=r"(count));
  return count;
}

int main(void) {
#ifdef AT_A_CALL
  if (pl_shadow_point() != 1) return 1;
#endif
  const uint64_t count = instructions();
  return write(1, &count, sizeof count) != sizeof count;
}
