// SPDX-License-Identifier: BSD-2-Clause
// exit-with N | signal N | fault
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  if (argc > 2 && !strcmp(argv[1], "signal")) raise(atoi(argv[2]));
  if (argc > 1 && !strcmp(argv[1], "fault")) *(volatile int *)strtoul("8", 0, 10) = 1;
  return argc > 1 ? atoi(argv[1]) : 0;
}
