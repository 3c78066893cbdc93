// SPDX-License-Identifier: BSD-2-Clause
// crash null | sort | abort | trap | illegal | registers | overflow | thread | handler | call | child: ends by a fault, some calls below main.
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
// Waits, which gives the host a turn, and dies with the same number in all registers that a call may change and that nothing needs.
static void with_full_registers(void) {
  unsigned long number = strtoul("5ec2e7", 0, 16) * 0x9e3779b97f4a7c15;
  usleep(200000);
  __asm__ volatile("mv a0, %0; mv a1, %0; mv a2, %0; mv a3, %0; mv a4, %0; mv t3, %0; mv t4, %0; fmv.d.x fa0, %0; sd zero, 16(zero)" ::"r"(number)
                   : "a0", "a1", "a2", "a3", "a4", "t3", "t4", "fa0", "memory");
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
  if (!strcmp(how, "registers")) with_full_registers();
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
