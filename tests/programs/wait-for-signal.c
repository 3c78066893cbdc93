// SPDX-License-Identifier: BSD-2-Clause
// wait-for-signal [handle|spin]
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void handler(int number) { caught = number; }

int main(int argc, char **argv) {
  const char *how = argc > 1 ? argv[1] : "";
  if (!strcmp(how, "handle")) {
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGTERM, &action, 0);
  }
  puts("waiting");
  fflush(stdout);
  if (!strcmp(how, "spin"))
    for (;;) __asm__ volatile("");
  while (!caught) pause();
  printf("caught %d\n", caught);
  return 3;
}
