// SPDX-License-Identifier: BSD-2-Clause
#include <unistd.h>

int main(void) {
  write(2, "to error\n", 9);
  write(1, "to output\n", 10);
  return 0;
}
