// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void) {
  struct winsize size;
  if (!isatty(1) || ioctl(1, TIOCGWINSZ, &size)) {
    puts("not a terminal");
    return 0;
  }
  printf("terminal %dx%d\n", size.ws_row, size.ws_col);
  return 0;
}
