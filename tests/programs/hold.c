// SPDX-License-Identifier: BSD-2-Clause
// hold MEGABYTES: writes to so much memory, says "held", and keeps it until its standard input ends.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const size_t size = (size_t)atoi(argc > 1 ? argv[1] : "1") << 20;
  char *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte;
  if (memory == MAP_FAILED) return 1;
  for (size_t at = 0; at < size; at += 4096) memory[at] = (char)(at >> 12);
  puts("held");
  fflush(stdout);
  while (read(0, &byte, 1) == 1) {
  }
  for (size_t at = 0; at < size; at += 4096)
    if (memory[at] != (char)(at >> 12)) return 2;
  return 0;
}
