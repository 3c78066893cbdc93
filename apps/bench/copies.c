// SPDX-License-Identifier: BSD-2-Clause
// What a page costs that a fork shares with its template and writes: prints the instructions for each of many, from the first to the last.
#define _GNU_SOURCE
#include <penglai/shadow.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

enum { PageBytes = 4096, Pages = 1140 };

static inline uint64_t instructions(void) {
  uint64_t count;
  __asm__ volatile("rdinstret %0" : "=r"(count)::"memory");
  return count;
}

static void touch(volatile char *area) {
  for (long i = 0; i < Pages; ++i) area[i * PageBytes] = 1;
}

int main(void) {
  volatile char *area = mmap(0, (size_t)Pages * PageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) return 1;
  touch(area);
  if (pl_shadow_point() != 1) return 1;
  const uint64_t start = instructions();
  touch(area);
  const uint64_t end = instructions();
  return printf("%llu\n", (unsigned long long)((end - start) / Pages)) < 0;
}
