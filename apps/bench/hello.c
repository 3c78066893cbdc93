// SPDX-License-Identifier: BSD-2-Clause
// The program behind the start-up figures: one line on standard output.
#include <stdio.h>

int main(void) {
  puts("Hello");
  return 0;
}
