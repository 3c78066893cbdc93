// SPDX-License-Identifier: BSD-2-Clause
// Calls visit() in itself, in a child of fork(), in a program that a child of vfork() executes, and, if EXEC is set, in one of its own.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
__attribute__((noinline)) int visit(int n) { return n * 2; }
int main(int argc, char **argv) {
  if (argc > 1) return visit(atoi(argv[1]));
  int status, sum = visit(1);
  pid_t child = fork();
  if (!child) _exit(visit(5));
  waitpid(child, &status, 0);
  printf("child %x\n", status);
  fflush(stdout);
  child = vfork();
  if (!child) {
    execl("/proc/self/exe", "again", "9", (char *)0);
    _exit(1);
  }
  waitpid(child, &status, 0);
  printf("exec %x\n", status);
  fflush(stdout);
  if (getenv("EXEC")) execl("/proc/self/exe", "again", "4", (char *)0);
  return sum;
}
