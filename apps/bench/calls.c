// SPDX-License-Identifier: BSD-2-Clause
// calls NAME: what one operation costs, in instructions. The same binary runs in an enclave and as a Linux process. Prints the
// median over rounds of (instructions for a batch) / (operations in it), with the empty loop taken off.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t instructions(void) {
  uint64_t n;
  __asm__ volatile("rdinstret %0" : "=r"(n));
  return n;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void empty(long n) {
  while (n--) __asm__ volatile("");
}

// The bare ecall: what the kernel or the libOS costs, without a libc in between.
static void get_parent(long n) {
  while (n--) {
    register long number __asm__("a7") = SYS_getppid;
    register long result __asm__("a0");
    __asm__ volatile("ecall" : "=r"(result) : "r"(number) : "memory");
  }
}

static void get_time(long n) {
  struct timespec now;
  while (n--) clock_gettime(CLOCK_MONOTONIC, &now);
}

static int to_child[2], to_parent[2];

static void ping_pong(long n) {
  char byte = 0;
  while (n--)
    if (write(to_child[1], &byte, 1) != 1 || read(to_parent[0], &byte, 1) != 1) die("ping");
}

static pid_t partner;

static void start_partner(void) {
  if (pipe(to_child) || pipe(to_parent)) die("pipe");
  partner = fork();
  if (partner < 0) die("fork");
  if (partner == 0) {
    char byte;
    close(to_child[1]);
    while (read(to_child[0], &byte, 1) == 1)
      if (write(to_parent[1], &byte, 1) != 1) break;
    _exit(0);
  }
}

static void stop_partner(void) {
  close(to_child[1]);
  waitpid(partner, 0, 0);
}

static volatile char *area;
enum { AreaPages = 512 };

static void touch(long n) {
  for (long i = 0; i < n; ++i) area[i * 4096] = 1;
}

static void new_area(void) {
  area = mmap(0, AreaPages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) die("mmap");
}

static void drop_area(void) { munmap((void *)area, AreaPages * 4096); }

static void fork_exit_wait(long n) {
  while (n--) {
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) _exit(0);
    if (waitpid(child, 0, 0) != child) die("waitpid");
  }
}

static int host_file = -1;

static void open_null_ocall(void) {
  host_file = open("/proc/penglai/null-ocall", O_RDONLY);
  if (host_file < 0) die("/proc/penglai/null-ocall");
}

static void null_ocall(long n) {
  char byte;
  while (n--)
    if (read(host_file, &byte, 1) != 0) die("read");
}

static const struct {
  const char *name;
  void (*run)(long);
  long batch;
  void (*before)(void), (*after)(void);
} operations[] = {
    {"getppid", get_parent, 1000, 0, 0},
    {"clock_gettime", get_time, 1000, 0, 0},
    {"pipe_pingpong", ping_pong, 200, start_partner, stop_partner},
    {"page_fault", touch, AreaPages, new_area, drop_area},
    {"fork_exit_wait", fork_exit_wait, 10, 0, 0},
    {"null_ocall", null_ocall, 200, open_null_ocall, 0},
};

static int order(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  enum { Rounds = 7 };
  for (size_t i = 0; i < sizeof operations / sizeof *operations; ++i) {
    if (argc != 2 || strcmp(argv[1], operations[i].name)) continue;
    uint64_t costs[Rounds];
    for (int round = -1; round < Rounds; ++round) {  // the first one warms up
      if (operations[i].before) operations[i].before();
      uint64_t start = instructions();
      empty(operations[i].batch);
      uint64_t middle = instructions();
      operations[i].run(operations[i].batch);
      uint64_t end = instructions();
      if (operations[i].after) operations[i].after();
      if (round >= 0) costs[round] = end - middle - (middle - start);
    }
    qsort(costs, Rounds, sizeof *costs, order);
    printf("%llu\n", (unsigned long long)(costs[Rounds / 2] / (uint64_t)operations[i].batch));
    return 0;
  }
  fprintf(stderr, "usage: calls getppid|clock_gettime|pipe_pingpong|page_fault|fork_exit_wait|null_ocall\n");
  return 2;
}
