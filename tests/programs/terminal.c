// SPDX-License-Identifier: BSD-2-Clause
// Says how large its terminal is; with a word, waits for the signal that something was typed (O_ASYNC).
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static volatile sig_atomic_t told;
static void note(int number) { told = number; }

int main(int count, char **arguments) {
  (void)arguments;
  struct winsize size;
  if (!isatty(1) || ioctl(1, TIOCGWINSZ, &size)) {
    puts("not a terminal");
    return 0;
  }
  if (count > 1) {
    signal(SIGIO, note);
    fcntl(0, F_SETFL, O_ASYNC | O_RDWR | O_NONBLOCK);
    char line[64];
    while (read(0, line, sizeof line) > 0) {
    }
    told = 0;
    while (!told) usleep(100000);
    printf("told of %d bytes\n", (int)read(0, line, sizeof line));
  }
  printf("terminal %dx%d\n", size.ws_row, size.ws_col);
  return 0;
}
