// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
int counter = 41;
__attribute__((noinline)) int add(int a, int b) {
  int sum = a + b;
  counter += sum;
  return sum;
}
int main(int argc, char **argv) {
  (void)argv;
  double half = 0.5 * argc;
  for (int i = 0; i < 3; ++i) printf("%d %f\n", add(i, argc), half);
  return 7;
}
