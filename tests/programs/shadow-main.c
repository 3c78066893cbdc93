// SPDX-License-Identifier: BSD-2-Clause
// What a fork finds at `main` of what its constructors had: a line for each thing that is not as libos/shadow/CONTRACT.md says.
#define _GNU_SOURCE
#include <penglai/shadow.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "check.h"

static _Thread_local int own = 1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static int ready, go, result, pipe_ends[2], file, counter, epoll, timer;
static volatile sig_atomic_t signals;
static char buffer[4096], *kept;
static jmp_buf back;

static void on_signal(int number) { (void)number, signals = signals + 1; }

static void *in_futex(void *unused) {
  own = 2;
  pthread_mutex_lock(&mutex);
  ready = 1;
  pthread_cond_broadcast(&condition);
  while (!go) pthread_cond_wait(&condition, &mutex);
  pthread_mutex_unlock(&mutex);
  result = own;
  return unused;
}

// Runs in the template.
__attribute__((constructor)) static void prepare(void) {
  struct itimerspec in_an_hour = {.it_value = {3600, 0}};
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = 11};
  sigset_t set;
  own = 7;
  kept = strdup("of the template");
  CHECK(pipe(pipe_ends) == 0 && write(pipe_ends[1], "abc", 3) == 3);
  file = open("/tmp/carried", O_RDWR | O_CREAT, 0600);
  CHECK(write(file, "0123456789", 10) == 10 && lseek(file, 4, SEEK_SET) == 4);
  counter = eventfd(5, 0);
  epoll = epoll_create1(0);
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event) == 0);
  timer = timerfd_create(CLOCK_MONOTONIC, 0);
  CHECK(timerfd_settime(timer, 0, &in_an_hour, NULL) == 0);
  signal(SIGUSR1, on_signal);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  pthread_mutex_lock(&mutex);
  CHECK(pthread_create(&thread, NULL, in_futex, NULL) == 0);
  while (!ready) pthread_cond_wait(&condition, &mutex);
  pthread_mutex_unlock(&mutex);
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  printf("buffered before the point\n");
}

static void jump(int value) { longjmp(back, value); }

int main(int argc, char **argv, char **environment) {
  struct pl_shadow_info info;
  struct epoll_event event;
  struct itimerspec left;
  char bytes[3], byte;
  uint64_t value;
  sigset_t set;
  int found = 0;
  CHECK(pl_shadow_info(&info) == 0 && info.fork == 1 && !strcmp(info.point, "main"));
  CHECK(argc == 3 && !strcmp(argv[1], "first") && !strcmp(argv[2], "second"));
  CHECK(getenv("OF_TEMPLATE") && !strcmp(getenv("OF_TEMPLATE"), "t") && getenv("OF_INSTANCE") && !strcmp(getenv("OF_INSTANCE"), "i"));
  for (char **variable = environment; *variable; ++variable) found += !strcmp(*variable, "OF_INSTANCE=i");
  CHECK(found == 1);
  CHECK(own == 7 && !strcmp(kept, "of the template"));
  if (!setjmp(back)) jump(1);
  CHECK(read(pipe_ends[0], bytes, 3) == 3 && !memcmp(bytes, "abc", 3));
  CHECK(read(file, &byte, 1) == 1 && byte == '4' && pwrite(file, "x", 1, 4) == 1);
  CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.data.u32 == 11 && read(counter, &value, 8) == 8 && value == 5);
  CHECK(timerfd_gettime(timer, &left) == 0 && left.it_value.tv_sec >= 3590);
  CHECK(signals == 0 && sigpending(&set) == 0 && sigismember(&set, SIGUSR1));
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  CHECK(signals == 1);
  pthread_mutex_lock(&mutex);
  go = 1;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
  CHECK(pthread_join(thread, NULL) == 0 && result == 2);
  return failures ? 1 : 0;
}
