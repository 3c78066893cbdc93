// SPDX-License-Identifier: BSD-2-Clause
// What no two instances may share: getrandom, /dev/urandom, AT_RANDOM, and where stack, heap and mappings lie.
#include <fcntl.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static void show(const char *name, const unsigned char *bytes, int count) {
  printf("%s ", name);
  for (int i = 0; i < count; ++i) printf("%02x", bytes[i]);
  putchar('\n');
}

int main(void) {
  unsigned char bytes[32];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return 1;
  show("getrandom", bytes, 32);
  int fd = open("/dev/urandom", O_RDONLY);
  if (read(fd, bytes, sizeof bytes) != sizeof bytes) return 2;
  show("urandom", bytes, 32);
  show("at_random", (const unsigned char *)getauxval(AT_RANDOM), 16);
  printf("stack %p\n", (void *)&fd);
  printf("break %p\n", sbrk(0));
  printf("map %p\n", mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  return 0;
}
