// SPDX-License-Identifier: BSD-2-Clause
// Clocks, sleeping, interval and POSIX timers. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t fired, value, overrun;
static void count(int number) {
  (void)number;
  fired++;
}
static void count_info(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  fired++;
  value = info->si_value.sival_int;
  overrun = info->si_overrun;
}

static long now(clockid_t clock) {
  struct timespec t;
  CHECK(clock_gettime(clock, &t) == 0);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}
static void burn(long ns) {
  long end = now(CLOCK_PROCESS_CPUTIME_ID) + ns;
  while (now(CLOCK_PROCESS_CPUTIME_ID) < end) {
  }
}

static void clocks(void) {
  for (int clock = 0; clock < 8; clock++) {
    struct timespec system, resolution;
    const long before = now(clock);
    CHECK(syscall(SYS_clock_gettime, clock, &system) == 0);
    const long at = system.tv_sec * 1000000000L + system.tv_nsec, after = now(clock);
    CHECK(before <= at && at <= after);
    CHECK(clock_getres(clock, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0);
  }
  struct timespec t;
  CHECK(clock_gettime(77, &t) == -1 && errno == EINVAL);
  CHECK(now(CLOCK_REALTIME) > 1600000000000000000L);
  struct timeval value;
  CHECK(gettimeofday(&value, NULL) == 0 && labs(value.tv_sec - now(CLOCK_REALTIME) / 1000000000L) <= 1);
}

static void sleeping(void) {
  struct timespec t = {0, 20000000}, bad = {0, 1000000000};
  long begin = now(CLOCK_MONOTONIC);
  CHECK(nanosleep(&t, NULL) == 0 && now(CLOCK_MONOTONIC) - begin >= 20000000);
  CHECK(nanosleep(&bad, NULL) == -1 && errno == EINVAL);
  for (int i = 0; i < 2; i++) {
    clockid_t clock = i ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    long end = now(clock) + 15000000;
    t = (struct timespec){end / 1000000000L, end % 1000000000L};
    CHECK(clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL) == 0 && now(clock) >= end);
    CHECK(clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL) == 0);
  }
  CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL) == EINVAL);
}

static void interval_timers(void) {
  struct itimerval wanted = {{0, 10000}, {0, 10000}}, left, none = {{0, 0}, {0, 0}};
  signal(SIGALRM, count);
  fired = 0;
  CHECK(setitimer(ITIMER_REAL, &wanted, NULL) == 0);
  CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_usec > 0 && left.it_value.tv_usec <= 10000 && left.it_interval.tv_usec == 10000);
  while (fired < 3) pause();
  CHECK(setitimer(ITIMER_REAL, &none, &left) == 0 && left.it_interval.tv_usec == 10000);
  signal(SIGVTALRM, count);
  signal(SIGPROF, count);
  fired = 0;
  CHECK(setitimer(ITIMER_VIRTUAL, &wanted, NULL) == 0);
  for (long end = now(CLOCK_MONOTONIC) + 2000000000; !fired && now(CLOCK_MONOTONIC) < end;) {
  }
  CHECK(fired);
  setitimer(ITIMER_VIRTUAL, &none, NULL);
  CHECK(setitimer(7, &wanted, NULL) == -1 && errno == EINVAL);
  fired = 0;
  alarm(1);
  CHECK(alarm(0) == 1);
}

static void posix_timers(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = count_info;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGRTMIN, &action, NULL);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 321};
  timer_t timer;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec wanted = {{0, 5000000}, {0, 5000000}}, left;
  fired = 0;
  CHECK(timer_settime(timer, 0, &wanted, NULL) == 0);
  while (fired < 3) pause();
  CHECK(value == 321);
  CHECK(timer_gettime(timer, &left) == 0 && left.it_interval.tv_nsec == 5000000 && left.it_value.tv_nsec > 0);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  usleep(60000);
  siginfo_t info;
  CHECK(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_code == SI_TIMER && info.si_overrun >= 5);
  CHECK(timer_getoverrun(timer) == info.si_overrun);
  // The shortest interval leaves time for the program, and none of its ends is lost: nor when it is shorter than the clock can tell.
  const long intervals[] = {150, 100, 2};
  for (int which = 0; which < 3; which++) {
    const long interval = intervals[which];
    struct itimerspec shortest = {{0, interval}, {0, interval}};
    long begin = now(CLOCK_MONOTONIC), ends = 0;
    CHECK(timer_settime(timer, 0, &shortest, NULL) == 0);
    for (int i = 0; i < 3; i++) {
      usleep(50000);
      CHECK(timer_gettime(timer, &left) == 0 && left.it_interval.tv_nsec == interval);
      CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= interval);
      CHECK(sigwaitinfo(&set, &info) == SIGRTMIN);
      ends += info.si_overrun + 1;
    }
    CHECK(ends >= 150000000 / interval && ends <= (now(CLOCK_MONOTONIC) - begin) / interval);
  }
  // What comes when its signal would be ignored is not counted: the overruns stay those of the last one that was taken.
  event.sigev_signo = SIGCONT;
  timer_t ignored;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &ignored) == 0);
  sigaddset(&set, SIGCONT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  struct itimerspec millisecond = {{0, 1000000}, {0, 1000000}};
  CHECK(timer_settime(ignored, 0, &millisecond, NULL) == 0);
  usleep(50000);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  usleep(5000);
  CHECK(timer_getoverrun(ignored) >= 49);
  timer_delete(ignored);
  event.sigev_signo = SIGRTMIN;
  sigdelset(&set, SIGCONT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  // A signal that is delivered and ignored leaves time as well.
  signal(SIGRTMIN, SIG_IGN);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  usleep(20000);
  struct itimerspec none = {{0, 0}, {0, 0}};
  CHECK(timer_settime(timer, 0, &none, NULL) == 0);
  sigprocmask(SIG_BLOCK, &set, NULL);
  sigaction(SIGRTMIN, &action, NULL);
  CHECK(timer_delete(timer) == 0);
  struct timespec zero = {0, 20000000};
  CHECK(sigtimedwait(&set, &info, &zero) == -1 && errno == EAGAIN);
  CHECK(timer_settime(timer, 0, &wanted, NULL) == -1 && errno == EINVAL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);

  long end = now(CLOCK_REALTIME) + 20000000;
  CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == 0);
  wanted = (struct itimerspec){{0, 0}, {end / 1000000000L, end % 1000000000L}};
  fired = 0;
  CHECK(timer_settime(timer, TIMER_ABSTIME, &wanted, NULL) == 0);
  while (!fired) pause();
  CHECK(now(CLOCK_REALTIME) >= end);
  timer_delete(timer);

  CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0);
  wanted = (struct itimerspec){{0, 0}, {0, 10000000}};
  fired = 0;
  long cpu = now(CLOCK_PROCESS_CPUTIME_ID);
  CHECK(timer_settime(timer, 0, &wanted, NULL) == 0);
  while (!fired && now(CLOCK_PROCESS_CPUTIME_ID) < cpu + 2000000000L) {
  }
  CHECK(fired && now(CLOCK_PROCESS_CPUTIME_ID) >= cpu + 10000000);
  timer_delete(timer);
}

static uint64_t ends_of(int fd) {
  uint64_t n = 0;
  return read(fd, &n, sizeof n) == sizeof n ? n : 0;
}
static void timers_that_are_files(void) {
  struct itimerspec left, none = {{0, 0}, {0, 0}};
  struct pollfd p;
  for (int which = 0; which < 6; which++) {
    // None of the ends is lost, whatever a clock can tell.
    const long intervals[] = {150, 333, 12345}, interval = intervals[which % 3];
    const clockid_t clock = which < 3 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    int fd = timerfd_create(clock, TFD_NONBLOCK);
    long begin = now(clock) + 2000000, ends = 0;
    struct itimerspec wanted = {{0, interval}, {begin / 1000000000L, begin % 1000000000L}};
    CHECK(fd >= 0 && ends_of(fd) == 0 && errno == EAGAIN && timerfd_settime(fd, TFD_TIMER_ABSTIME, &wanted, NULL) == 0);
    p = (struct pollfd){fd, POLLIN, 0};
    for (int i = 0; i < 3; i++) {
      usleep(20000);
      long least = (now(clock) - begin) / interval + 1;
      CHECK(poll(&p, 1, 0) == 1 && timerfd_gettime(fd, &left) == 0 && left.it_interval.tv_nsec == interval);
      CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec >= 0 && left.it_value.tv_nsec <= interval);
      ends += (long)ends_of(fd);
      CHECK(ends >= least && ends <= (now(clock) - begin) / interval + 1);
    }
    CHECK(timerfd_settime(fd, 0, &none, &left) == 0 && left.it_interval.tv_nsec == interval && timerfd_gettime(fd, &left) == 0 && left.it_interval.tv_nsec == 0);
    usleep(1000);
    CHECK(ends_of(fd) == 0 && errno == EAGAIN && poll(&p, 1, 0) == 0);
    close(fd);
  }
  // One that ends once says so once, and is then nothing more than its interval.
  int fd = timerfd_create(CLOCK_BOOTTIME, 0);
  struct itimerspec once = {{0, 0}, {0, 1}};
  CHECK(timerfd_settime(fd, 0, &once, NULL) == 0 && ends_of(fd) == 1 && timerfd_gettime(fd, &left) == 0 && left.it_value.tv_nsec == 0);
  struct itimerspec odd = {{1, 7}, {3, 999999999}};
  CHECK(timerfd_settime(fd, 0, &odd, NULL) == 0 && timerfd_gettime(fd, &left) == 0 && left.it_interval.tv_sec == 1 && left.it_interval.tv_nsec == 7 && left.it_value.tv_sec == 3);
  odd.it_value.tv_nsec = 1000000000;
  CHECK(timerfd_settime(fd, 0, &odd, NULL) == -1 && errno == EINVAL && timerfd_settime(0, 0, &once, NULL) == -1 && errno == EINVAL);
  // A moment that has passed is at once.
  long past = now(CLOCK_BOOTTIME) - 2500000;
  struct itimerspec late = {{0, 1000000}, {past / 1000000000L, past % 1000000000L}};
  CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &late, NULL) == 0 && ends_of(fd) >= 3);
  close(fd);
}

static void waiting_costs_nothing(void) {
  long cpu = now(CLOCK_PROCESS_CPUTIME_ID), thread = now(CLOCK_THREAD_CPUTIME_ID);
  usleep(100000);
  CHECK(now(CLOCK_PROCESS_CPUTIME_ID) - cpu < 50000000 && now(CLOCK_THREAD_CPUTIME_ID) - thread < 50000000);
}

static void what_was_used(void) {
  struct rusage usage;
  struct tms times_now;
  burn(20000000);
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_utime.tv_usec + usage.ru_stime.tv_usec + usage.ru_utime.tv_sec * 1000000 >= 20000);
  CHECK(times(&times_now) != (clock_t)-1 && times_now.tms_utime + times_now.tms_stime >= 2);
  pid_t pid = fork();
  if (!pid) {
    burn(30000000);
    _exit(0);
  }
  int status;
  CHECK(wait4(pid, &status, 0, &usage) == pid && usage.ru_utime.tv_usec + usage.ru_stime.tv_usec >= 30000);
  struct rlimit limit = {1, 2};
  pid = fork();
  if (!pid) {
    setrlimit(RLIMIT_CPU, &limit);
    for (;;) {
    }
  }
  CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
}

int main(void) {
  clocks();
  sleeping();
  interval_timers();
  posix_timers();
  timers_that_are_files();
  waiting_costs_nothing();
  what_was_used();
  printf("%d failures\n", failures);
  return failures != 0;
}
