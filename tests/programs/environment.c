// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>

extern char **environ;

int main(void) {
  for (char **variable = environ; *variable; ++variable) puts(*variable);
  return 0;
}
