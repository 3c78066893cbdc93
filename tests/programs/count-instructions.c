// SPDX-License-Identifier: BSD-2-Clause
// On the machine's Linux: runs a command and says on standard error how many instructions the hart has retired meanwhile, every world's.
// Means something on one hart that counts (pl-machine start --icount).
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t instructions(void) {
  uint64_t count;
  __asm__ volatile("rdinstret %0" : "=r"(count)::"memory");
  return count;
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  uint64_t start = instructions();
  pid_t child = vfork();
  if (child == 0) {
    execv(argv[1], argv + 1);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  fprintf(stderr, "%lu\n", (unsigned long)(instructions() - start));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
