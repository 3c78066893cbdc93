// SPDX-License-Identifier: BSD-2-Clause
// Threads: made and joined, and handing a turn to each other.
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

static void *nothing(void *argument) { return argument; }

static void create_join(long n) {
  while (n--) {
    pthread_t thread;
    void *result;
    errno = pthread_create(&thread, 0, nothing, &thread);
    if (errno) die("pthread_create");
    errno = pthread_join(thread, &result);
    if (errno || result != &thread) die("pthread_join");
  }
}

// Whose turn it is. Each side wakes the other and sleeps until it is its own turn again.
enum { Mine, Yours, Over };
static _Atomic int turn;
static pthread_t partner;

static void hand_over(int to) {
  atomic_store(&turn, to);
  syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

static int wait_while(int value) {
  int now;
  while ((now = atomic_load(&turn)) == value)
    if (syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, value, 0, 0, 0) && errno != EAGAIN) die("futex");
  return now;
}

static void *answer(void *argument) {
  while (wait_while(Mine) != Over) hand_over(Mine);
  return argument;
}

static void start_partner(void) {
  atomic_store(&turn, Mine);
  errno = pthread_create(&partner, 0, answer, 0);
  if (errno) die("pthread_create");
}

// There and back: two switches of threads.
static void hand_off(long n) {
  while (n--) {
    hand_over(Yours);
    wait_while(Yours);
  }
}

static void stop_partner(void) {
  hand_over(Over);
  pthread_join(partner, 0);
}

const struct operation thread_operations[] = {
    {"thread_create_join", create_join, 50, 0, 0},
    {"futex_handoff", hand_off, 200, start_partner, stop_partner},
    {0},
};
