// SPDX-License-Identifier: BSD-2-Clause
//
// The smallest program worth running: says hello, and shows the arguments that reached it.
#include <stdio.h>

int main(int argc, char** argv) {
  puts("Hello from an enclave.");
  for (int i = 1; i < argc; i++) {
    printf("argument %d: %s\n", i, argv[i]);
  }
  return 0;
}
