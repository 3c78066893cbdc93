// SPDX-License-Identifier: BSD-2-Clause
// churn: never stops using what the host gives and what the enclave has: files of /bound, a pipe, child processes, memory.
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  char name[64], buffer[4096];
  memset(buffer, 'x', sizeof buffer);
  for (unsigned turn = 0;; ++turn) {
    name[0] = 0;
    strcat(strcat(name, "/bound/"), turn % 2 ? "one" : "two");
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || write(file, buffer, sizeof buffer) != sizeof buffer || lseek(file, 0, SEEK_SET) != 0) return 1;
    if (read(file, buffer, sizeof buffer) != sizeof buffer || close(file) != 0 || unlink(name) != 0) return 2;
    if (write(1, buffer, 1) != 1) return 3;
    if (turn % 4 == 0) {
      int ends[2], status;
      if (pipe(ends) != 0) return 4;
      pid_t child = fork();
      if (child == 0) _exit(write(ends[1], buffer, 100) == 100 ? 0 : 1);
      if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 5;
      if (read(ends[0], buffer, 100) != 100) return 6;
      close(ends[0]);
      close(ends[1]);
    }
    const size_t size = 16 * 4096;
    char *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 7;
    for (size_t at = 0; at < size; at += 4096) memory[at] = 1;
    munmap(memory, size);
  }
}
