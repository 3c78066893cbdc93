// SPDX-License-Identifier: BSD-2-Clause
// What no two forks may share, at whatever shadow point; "call" as its argument: it freezes itself after it has used all of it. Lines of a
// name and a value; the exit status is not 0 when something of before the freeze is still there.
#include <fcntl.h>
#include <penglai/shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

extern uintptr_t __stack_chk_guard;  // musl's and glibc's

static unsigned char *wiped;
static const volatile uint64_t *generation;
static uint64_t generation_before;

// Runs in the template at main and call, in the instance at entry.
__attribute__((constructor)) static void prepare(void) {
  struct pl_shadow_info info;
  wiped = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(wiped, 8192, MADV_WIPEONFORK);
  memset(wiped, 0x5a, 8192);
  generation = pl_shadow_generation();
  if (generation) generation_before = *generation;
  unsigned char used[64];
  getrandom(used, sizeof used, 0);
  (void)pl_shadow_info(&info);
}

static void show(const char *name, const void *bytes, int count) {
  printf("%s ", name);
  for (int i = 0; i < count; ++i) printf("%02x", ((const unsigned char *)bytes)[i]);
  putchar('\n');
}

static int read_file(const char *path, void *to, size_t bytes) {
  int fd = open(path, O_RDONLY);
  ssize_t n = read(fd, to, bytes);
  close(fd);
  return (int)n;
}

int main(int argc, char **argv) {
  unsigned char bytes[32];
  char uuid[37] = "";
  struct pl_shadow_info info;
  if (argc > 1 && !strcmp(argv[1], "call")) {
    int point = pl_shadow_point();
    if (point != 1) return printf("point %d\n", point), 1;
  }
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return 2;
  show("getrandom", bytes, 32);
  if (read_file("/dev/urandom", bytes, 32) != 32) return 3;
  show("urandom", bytes, 32);
  show("at_random", (const void *)getauxval(AT_RANDOM), 16);
  if (read_file("/proc/sys/kernel/random/uuid", uuid, 36) != 36) return 4;
  printf("uuid %s\n", uuid);
  printf("canary %016llx\n", (unsigned long long)__stack_chk_guard);
  if (pl_shadow_info(&info)) return 6;
  // Where things lie is the template's, but at entry.
  printf("at_program %p\nat_library %p\nat_stack %p\nat_heap %p\n", (void*)show, (void*)puts, (void*)&info, malloc(1));
  printf("generation %llu\nid %llu\n", (unsigned long long)info.generation, (unsigned long long)info.id);

  if (!generation || *generation != info.generation) return 7;
  if (strcmp(info.point, "entry") && info.fork) {
    if (*generation == generation_before) return 8;
    for (int i = 0; i < 8192; ++i)
      if (wiped[i]) return 9;
  }
  return 0;
}
