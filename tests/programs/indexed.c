// SPDX-License-Identifier: BSD-2-Clause
// indexed [fail K | input | wait]: one of many, by its PENGLAI_INDEX. Writes its lines in pieces and the last without an end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const char *index = getenv("PENGLAI_INDEX"), *count = getenv("PENGLAI_COUNT"), *what = argc > 1 ? argv[1] : "";
  if (!index || !count) return 99;
  setvbuf(stdout, 0, _IONBF, 0);
  if (!strcmp(what, "input")) {
    long bytes = 0, sum = 0;
    for (int c; (c = getchar()) != EOF; ++bytes) sum += c;
    printf("%ld bytes, sum %ld\n", bytes, sum);
    return 0;
  }
  if (!strcmp(what, "wait")) {
    puts("waiting");
    for (;;) pause();
  }
  printf("I am ");
  usleep(1000);
  printf("%s of ", index);
  usleep(1000);
  printf("%s\nthe end of %s", count, index);
  fprintf(stderr, "to errors\n");
  return argc > 2 && !strcmp(argv[2], index) ? 7 : 0;
}
