// SPDX-License-Identifier: BSD-2-Clause
// Reads one character at a time until there are no more, and adds them up.
#include <unistd.h>
int sum;
__attribute__((noinline)) int twice(int n) { return 2 * n; }
int main(void) {
  char c;
  while (read(0, &c, 1) == 1) sum += twice(c - '0');
  return sum;
}
