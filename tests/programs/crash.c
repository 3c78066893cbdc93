// SPDX-License-Identifier: BSD-2-Clause
// crash null | sort | abort | trap | illegal | overflow | thread | handler | call | child: ends by a fault, some calls below main.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long sink;  // work behind a call, so that it is no tail call

__attribute__((noinline)) static void touch_null(void) { *(volatile int *)strtoul("10", 0, 16) = 1; }
__attribute__((noinline)) static int compare(const void *a, const void *b) {
  touch_null();
  return *(const int *)a - *(const int *)b;
}
__attribute__((noinline)) static void sort_them(void) {
  int values[] = {5, 3, 4, 1};
  qsort(values, 4, sizeof *values, compare);
  sink = values[0];
}
__attribute__((noinline)) static void give_up(void) { abort(); }
__attribute__((noinline)) static int deeper(int n) {
  volatile char room[65536];
  room[0] = (char)n;
  return n < 0 ? 0 : deeper(n + 1) + room[0];
}
static void *worker(void *argument) {
  sort_them();
  return argument;
}
static void handler(int number) {
  touch_null();
  sink = number;
}

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  if (!strcmp(how, "null")) touch_null();
  if (!strcmp(how, "sort")) sort_them();
  if (!strcmp(how, "abort")) give_up();
  if (!strcmp(how, "trap")) __asm__ volatile("ebreak");
  if (!strcmp(how, "illegal")) __asm__ volatile(".word 0");
  if (!strcmp(how, "overflow")) sink = deeper(0);
  if (!strcmp(how, "call")) ((void (*)(void))strtoul("123456", 0, 16))();
  if (!strcmp(how, "handler")) {
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
  }
  if (!strcmp(how, "thread")) {
    pthread_t thread;
    pthread_create(&thread, 0, worker, 0);
    pthread_join(thread, 0);
  }
  if (!strcmp(how, "child")) {
    int status;
    if (!fork()) give_up();
    wait(&status);
    return WTERMSIG(status);
  }
  sink = 2;
  return 0;
}
