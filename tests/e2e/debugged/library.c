// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
__attribute__((noinline)) static int inner(const char *text) {
  if (*text == '!') *(volatile char *)8 = 1;
  return (int)strlen(text);
}
int helper(const char *text) { return inner(text) + 1; }
