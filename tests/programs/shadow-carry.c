// SPDX-License-Identifier: BSD-2-Clause
// What a fork finds at its shadow point of what its template had: a line for each thing that is not as libos/shadow/CONTRACT.md says. Its
// last line is "frozen for" and the time that passed outside.
#define _GNU_SOURCE
#include <fcntl.h>
#include <penglai/shadow.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include "check.h"

static _Thread_local int own = 1;
static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int ready, go, pipe_ends[2];
static volatile int spinning = 1;
static volatile sig_atomic_t alarms;
static jmp_buf back;
static double floats[4] = {1.5, -2.25, 1e300, 3};

static double now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void parked(void) { __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST); }

static void *in_futex(void *result) {
  own = 2;
  pthread_mutex_lock(&mutex);
  parked();
  while (!go) pthread_cond_wait(&condition, &mutex);
  pthread_mutex_unlock(&mutex);
  *(int *)result = own;
  return NULL;
}
static void *in_pipe(void *result) {
  char byte = 0;
  own = 3;
  parked();
  *(int *)result = read(pipe_ends[0], &byte, 1) == 1 && byte == 'x' ? own : -1;
  return NULL;
}
static void *in_sleep(void *result) {
  struct timespec t = {0, 300000000};
  double start = now(CLOCK_MONOTONIC);
  own = 4;
  parked();
  // Through signals and early wake-ups, and through the freeze, in which its time stands still.
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR) {}
  *(int *)result = now(CLOCK_MONOTONIC) - start >= 0.3 ? own : -1;
  return NULL;
}
static void *in_timed_wait(void *result) {
  struct timespec until;
  own = 5;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 3600;
  parked();
  *(int *)result = sem_timedwait(&semaphore, &until) == 0 ? own : -1;
  return NULL;
}
static void *computing(void *result) {
  own = 6;
  parked();
  while (spinning) {}
  *(int *)result = own;
  return NULL;
}
static void jump(int value) { longjmp(back, value); }
static void on_alarm(int number) { (void)number, alarms = alarms + 1; }

int main(int argc, char **argv) {
  static void *(*const bodies[5])(void *) = {in_futex, in_pipe, in_sleep, in_timed_wait, computing};
  static int results[5];
  pthread_t threads[5];
  char text[4096], byte, *words[16];
  struct stat status;
  struct pl_shadow_info info;

  (void)argc;
  own = 7;
  CHECK(pipe(pipe_ends) == 0);
  sem_init(&semaphore, 0, 0);
  for (int i = 0; i < 5; ++i) CHECK(pthread_create(&threads[i], NULL, bodies[i], &results[i]) == 0);
  while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < 5 || results[1]) nanosleep(&(struct timespec){0, 10000000}, NULL);

  // Descriptors of what is inside the enclave.
  int counter = eventfd(5, 0), other[2], file = open("/tmp/carried", O_RDWR | O_CREAT, 0600);
  CHECK(pipe(other) == 0 && write(other[1], "abc", 3) == 3);
  CHECK(write(file, "0123456789", 10) == 10 && lseek(file, 4, SEEK_SET) == 4);
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = 11};
  CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event) == 0);
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  shared[0] = 42;

  // Timers.
  int timer = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec in_an_hour = {.it_value = {3600, 0}}, soon = {.it_value = {0, 200000000}}, left;
  CHECK(timerfd_settime(timer, 0, &in_an_hour, NULL) == 0);
  // On a moment of the day: the time that the template is frozen brings it nearer.
  timer_t posix, moment;
  const time_t day = time(NULL) + 3600;
  struct itimerspec at_that_time = {.it_value = {day, 0}};
  struct sigevent nothing = {.sigev_notify = SIGEV_NONE};
  CHECK(timer_create(CLOCK_REALTIME, &nothing, &moment) == 0 && timer_settime(moment, TIMER_ABSTIME, &at_that_time, NULL) == 0);
  int moment_file = timerfd_create(CLOCK_REALTIME, 0), told = timerfd_create(CLOCK_REALTIME, 0);
  CHECK(timerfd_settime(moment_file, TFD_TIMER_ABSTIME, &at_that_time, NULL) == 0);
  CHECK(timerfd_settime(told, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &at_that_time, NULL) == 0);
  struct sigevent signal_event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  CHECK(timer_create(CLOCK_MONOTONIC, &signal_event, &posix) == 0 && timer_settime(posix, 0, &soon, NULL) == 0);

  // Signals: a handler, and one that waits behind a mask.
  signal(SIGALRM, on_alarm);
  signal(SIGUSR1, on_alarm);
  sigset_t set, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);

  CHECK(chdir("/tmp") == 0);
  umask(027);
  setvbuf(stdout, text, _IOFBF, sizeof text);
  printf("buffered before the point\n");
  volatile double sum = floats[0] * floats[1];
  const double monotonic = now(CLOCK_MONOTONIC), boottime = now(CLOCK_BOOTTIME), realtime = now(CLOCK_REALTIME), cpu = now(CLOCK_PROCESS_CPUTIME_ID);

  // Where a libc protects the pointers that it keeps, with a word that is made of AT_RANDOM.
  volatile int point = 0;
  const int jumped = setjmp(back);
  if (!jumped) {
    point = pl_shadow_point();
    jump(2);
  }
  CHECK(jumped == 2 && point == 1);

  const double monotonic_after = now(CLOCK_MONOTONIC), boottime_after = now(CLOCK_BOOTTIME), cpu_after = now(CLOCK_PROCESS_CPUTIME_ID);
  const double outside = boottime_after - boottime - (monotonic_after - monotonic);
  CHECK(monotonic_after > monotonic && boottime_after > boottime);
  CHECK(outside > 0);
  CHECK(now(CLOCK_REALTIME) >= realtime);
  CHECK(cpu_after < cpu);  // it waited some time for its threads, and one of them computed
  CHECK(sum + floats[2] > 1e299 && floats[0] * floats[1] == sum);
  CHECK(own == 7);
  CHECK(pl_shadow_point() == 0);  // a fork cannot freeze, and is told so at once
  CHECK(pl_shadow_info(&info) == 0 && info.fork == 1 && info.frozen == 0 && !strcmp(info.point, "call") && strlen(info.measurement) == 96);

  // Arguments and variables are this run's.
  static char strings[4096];
  CHECK(pl_shadow_arguments(strings, sizeof strings, words, 16) == 3);
  CHECK(!strcmp(words[0], argv[0]) && !strcmp(words[1], "first") && !strcmp(words[2], "second"));
  CHECK(pl_shadow_arguments(strings, sizeof strings, words, 3) == -1 && errno == E2BIG);
  CHECK(getenv("OF_TEMPLATE") && !strcmp(getenv("OF_TEMPLATE"), "t"));
  CHECK(getenv("OF_INSTANCE") && !strcmp(getenv("OF_INSTANCE"), "i"));
  int environ_file = open("/proc/self/environ", O_RDONLY);
  ssize_t n = read(environ_file, strings, sizeof strings);
  CHECK(n > 0 && memmem(strings, (size_t)n, "OF_INSTANCE=i", 14) && memmem(strings, (size_t)n, "OF_TEMPLATE=t", 14));

  // Descriptors.
  uint64_t value = 0;
  CHECK(epoll_wait(epoll, &event, 1, 0) == 1 && event.data.u32 == 11);
  CHECK(read(counter, &value, 8) == 8 && value == 5);
  CHECK(read(other[0], text + 2048, 3) == 3 && !memcmp(text + 2048, "abc", 3));
  CHECK(read(file, &byte, 1) == 1 && byte == '4');
  CHECK(shared[0]++ == 42);  // 43 would be another fork's
  CHECK(mapped[5] == '5');
  CHECK(pwrite(file, "x", 1, 5) == 1 && mapped[5] == 'x');
  mapped[6] = 'y';
  CHECK(pread(file, &byte, 1, 6) == 1 && byte == 'y');
  CHECK(umask(0) == 027 && getcwd(strings, sizeof strings) && !strcmp(strings, "/tmp") && stat("carried", &status) == 0);

  // Timers and signals.
  CHECK(timerfd_gettime(timer, &left) == 0 && left.it_value.tv_sec >= 3590);
  for (int file = 0; file < 2; ++file) {
    CHECK((file ? timerfd_gettime(moment_file, &left) : timer_gettime(moment, &left)) == 0);
    const double until = (double)left.it_value.tv_sec + (double)left.it_value.tv_nsec / 1e9, wanted = (double)day - now(CLOCK_REALTIME);
    CHECK(until > wanted - 0.5 && until < wanted + 0.5);
  }
  CHECK(read(told, &value, 8) == -1 && errno == ECANCELED);  // it was set, as after a suspension
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGUSR1));
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  CHECK(alarms >= 1);
  for (int i = 0; i < 100 && alarms < 2; ++i) nanosleep(&(struct timespec){0, 20000000}, NULL);
  CHECK(alarms == 2);

  // Threads.
  pthread_mutex_lock(&mutex);
  go = 1;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
  CHECK(write(pipe_ends[1], "x", 1) == 1);
  sem_post(&semaphore);
  spinning = 0;
  for (int i = 0; i < 5; ++i) CHECK(pthread_join(threads[i], NULL) == 0 && results[i] == i + 2);

  printf("frozen for %.3f\n", outside);
  return failures ? 1 : 0;
}
