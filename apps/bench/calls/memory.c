// SPDX-License-Identifier: BSD-2-Clause
// Mappings and their pages.
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

enum { PageBytes = 4096, AreaPages = 512, MappingPages = 16 };

static volatile char *map(long pages) {
  volatile char *area = mmap(0, (size_t)pages * PageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) die("mmap");
  return area;
}

static void unmap(volatile char *area, long pages) {
  if (munmap((void *)area, (size_t)pages * PageBytes)) die("munmap");
}

static volatile char *area;

static void touch(long n) {
  for (long i = 0; i < n; ++i) area[i * PageBytes] = 1;
}

static void new_area(void) { area = map(AreaPages); }
static void drop_area(void) { unmap(area, AreaPages); }

// A child shares every page for as long as this pipe is open: whoever writes first gets a copy.
static int child_waits[2];
static pid_t sharer;

static void share_area(void) {
  new_area();
  touch(AreaPages);
  if (pipe(child_waits)) die("pipe");
  sharer = fork();
  if (sharer < 0) die("fork");
  if (sharer == 0) {
    char byte;
    close(child_waits[1]);
    _exit(read(child_waits[0], &byte, 1) != 0);
  }
}

static void drop_shared_area(void) {
  int status;
  close(child_waits[0]);
  close(child_waits[1]);
  if (waitpid(sharer, &status, 0) != sharer || status) die("waitpid");
  drop_area();
}

// Nothing is touched: what a page costs is page_fault's.
static void map_unmap(long n) {
  while (n--) unmap(map(MappingPages), MappingPages);
}

// One page of it is: the mapping's way back takes a page and its translation along.
static void map_touch_unmap(long n) {
  while (n--) {
    volatile char *mapping = map(MappingPages);
    mapping[0] = 1;
    unmap(mapping, MappingPages);
  }
}

const struct operation memory_operations[] = {
    {"page_fault", touch, AreaPages, new_area, drop_area},
    {"page_copy", touch, AreaPages, share_area, drop_shared_area},
    {"mmap_munmap", map_unmap, 200, 0, 0},
    {"mmap_touch_munmap", map_touch_unmap, 200, 0, 0},
    {0},
};
