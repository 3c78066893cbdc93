// SPDX-License-Identifier: BSD-2-Clause
// calls NAME: what one operation costs, in instructions. The same binary runs in an enclave and as a Linux process. Prints the
// median over rounds of (instructions for a batch) / (operations in it), with the empty loop taken off.
#include <stdint.h>
#include <string.h>

#include "calls.h"

static const struct operation *const families[] = {kernel_operations, process_operations, thread_operations, memory_operations, file_operations};

static inline uint64_t instructions(void) {
  uint64_t n;
  __asm__ volatile("rdinstret %0" : "=r"(n)::"memory");
  return n;
}

static void empty(long n) {
  while (n--) __asm__ volatile("");
}

static int order(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static void measure(const struct operation *operation) {
  enum { Rounds = 7 };
  uint64_t costs[Rounds];
  for (int round = -1; round < Rounds; ++round) {  // the first one warms up
    if (operation->before) operation->before();
    uint64_t start = instructions();
    empty(operation->batch);
    uint64_t middle = instructions();
    operation->run(operation->batch);
    uint64_t end = instructions();
    if (operation->after) operation->after();
    if (round >= 0) costs[round] = end - middle - (middle - start);
  }
  qsort(costs, Rounds, sizeof *costs, order);
  printf("%llu\n", (unsigned long long)(costs[Rounds / 2] / (uint64_t)operation->batch));
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], NOTHING)) return 0;
  for (size_t family = 0; family < sizeof families / sizeof *families; ++family)
    for (const struct operation *operation = families[family]; operation->name; ++operation)
      if (argc == 2 && !strcmp(argv[1], operation->name)) {
        measure(operation);
        return 0;
      }
  fprintf(stderr, "usage: calls NAME, one of:");
  for (size_t family = 0; family < sizeof families / sizeof *families; ++family)
    for (const struct operation *operation = families[family]; operation->name; ++operation) fprintf(stderr, " %s", operation->name);
  fprintf(stderr, "\n");
  return 2;
}
