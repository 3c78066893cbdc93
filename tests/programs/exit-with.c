// SPDX-License-Identifier: BSD-2-Clause
// exit-with N | signal N | fault | illegal | overflow | memory: fills memory until there is none
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int deeper(volatile char *above, long left) {
  volatile char here[4096];
  here[0] = above ? above[0] : 0;
  return left ? deeper(here, left - 1) + here[0] : 0;
}

int main(int argc, char **argv) {
  if (argc > 2 && !strcmp(argv[1], "signal")) raise(atoi(argv[2]));
  if (argc > 1 && !strcmp(argv[1], "fault")) *(volatile int *)strtoul("8", 0, 10) = 1;
  if (argc > 1 && !strcmp(argv[1], "illegal")) __asm__ volatile("unimp");
  if (argc > 1 && !strcmp(argv[1], "overflow")) return deeper(0, 1L << 40);
  if (argc > 1 && !strcmp(argv[1], "memory"))
    for (volatile char *more;;)
      for (int page = (more = malloc(1 << 20), 0); more && page < 256; ++page) more[page * 4096] = 1;
  return argc > 1 ? atoi(argv[1]) : 0;
}
