// SPDX-License-Identifier: BSD-2-Clause
// Mappings and their pages.
#define _GNU_SOURCE
#include <sys/mman.h>

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
    {"mmap_munmap", map_unmap, 200, 0, 0},
    {"mmap_touch_munmap", map_touch_unmap, 200, 0, 0},
    {0},
};
