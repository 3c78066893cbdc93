// SPDX-License-Identifier: BSD-2-Clause
// Reads from a pipe what a signal's handler writes into it meanwhile, which the read goes on after: 9, or -errno.
#include <errno.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>
static int ends[2];
static void handler(int number) { (void)!write(ends[1], &number, 1); }
__attribute__((noinline)) int twice(int n) { return 2 * n; }
int main(void) {
  char c;
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  struct itimerval soon = {.it_value = {.tv_usec = 50000}};
  if (twice(1) != 2 || pipe(ends) || sigaction(SIGALRM, &action, 0) || setitimer(ITIMER_REAL, &soon, 0)) return 1;
  return read(ends[0], &c, 1) == 1 ? 9 : -errno;
}
