// SPDX-License-Identifier: BSD-2-Clause
// Counts until `stop` is set from outside, or reads (with an argument); then takes a signal.
#include <signal.h>
#include <unistd.h>
volatile long turns;
volatile int stop, got;
static void handler(int number) { got = number; }
int main(int argc, char **argv) {
  char c;
  (void)argv;
  signal(SIGUSR1, handler);
  if (argc > 1) return (int)read(0, &c, 1) + 4;
  while (!stop) ++turns;
  raise(SIGUSR1);
  return got;
}
