// SPDX-License-Identifier: BSD-2-Clause
// pages [none|one SEED|all|fork]: a program with 4,096 writable pages of known content. fork: a child reads all of them and writes one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 4096
#define WORDS 512
static unsigned long memory[PAGES][WORDS] = {{0x5eed}};  // initialized data: in the file, and so in the template

static unsigned long expected(int page) { return page == 0 ? 0x5eed : 0; }

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "none";
  for (int page = 0; page < PAGES; ++page)
    if (memory[page][0] != expected(page)) {
      printf("page %d holds another's %lx\n", page, memory[page][0]);
      return 1;
    }
  if (!strcmp(what, "one")) {
    srand((unsigned)atoi(argv[2]));
    memory[rand() % PAGES][0] = 0xbad;
  }
  if (!strcmp(what, "fork")) {
    pid_t child = fork();
    if (child == 0) {
      int wrong = 0;
      for (int page = 0; page < PAGES; ++page) wrong |= memory[page][0] != expected(page);
      memory[1][0] = 0xc0ffee;
      _exit(wrong);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status || memory[1][0]) return 1;
  }
  if (!strcmp(what, "all"))
    for (int page = 0; page < PAGES; ++page) memory[page][0] = 0xbad0000 + (unsigned long)page;
  return 0;
}
