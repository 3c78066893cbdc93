// SPDX-License-Identifier: BSD-2-Clause
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
  char path[PATH_MAX];
  if (!getcwd(path, sizeof path)) return 1;
  puts(path);
  return 0;
}
