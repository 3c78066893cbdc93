// SPDX-License-Identifier: BSD-2-Clause
#include <unistd.h>

int main(void) {
  while (write(1, "y\n", 2) == 2) {
  }
  return 1;
}
