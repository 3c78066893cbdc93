// SPDX-License-Identifier: BSD-2-Clause
// pattern [eat]: checks that every page which an instance can write is as the template had it, byte for byte, then writes all of it with
// a pattern of its own: data, zero-initialized data, a file of the tree, a file in memory. eat: instead, writes new memory until it ends.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define PAGES 32
#define PAGE 4096
static unsigned char data[PAGES][PAGE] = {[0 ... PAGES - 1] = {[0 ... PAGE - 1] = 0x5a}};
static unsigned char zero[PAGES][PAGE];

static int fail(const char *what, long where) {
  printf("%s: another instance's %ld\n", what, where);
  return 1;
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "eat")) {
    puts("eating");
    fflush(stdout);
    for (;;) {
      unsigned char *more = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (more == MAP_FAILED) return 2;
      for (int page = 0; page < 256; ++page) more[page * PAGE] = 1;
    }
  }
  for (long at = 0; at < PAGES * PAGE; ++at) {
    if (data[0][at] != 0x5a) return fail("data", at);
    if (zero[0][at]) return fail("zero-initialized data", at);
  }
  char text[64] = "";
  int tree = open("/etc/passwd", O_RDWR);
  if (tree < 0 || read(tree, text, 6) != 6) return fail("/etc/passwd", -1);
  if (memcmp(text, "root:x", 6)) return fail("/etc/passwd", text[0]);
  if (access("/tmp/pattern", F_OK) == 0) return fail("/tmp/pattern", 0);

  unsigned char mine;
  do getrandom(&mine, 1, 0);
  while (mine == 0 || mine == 0x5a);
  memset(data, mine, sizeof data);
  memset(zero, mine, sizeof zero);
  memset(text, mine, sizeof text);
  int file = open("/tmp/pattern", O_RDWR | O_CREAT, 0600);
  if (pwrite(tree, text, 6, 0) != 6 || write(file, text, sizeof text) != sizeof text) return 3;
  for (long at = 0; at < PAGES * PAGE; ++at)
    if (data[0][at] != mine || zero[0][at] != mine) return fail("its own", at);
  return 0;
}
