// SPDX-License-Identifier: BSD-2-Clause
// What waits for a moment of CLOCK_REALTIME when that is set, as timerfd_create(2) has it. Sets the clock, and sets it right in the end. Exits
// with 0 when everything is as on Linux.
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static struct timespec realtime(time_t later) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec += later;
  return now;
}
static time_t set_by;
static void set_forward(time_t seconds) {
  struct timespec then = realtime(seconds);
  CHECK(clock_settime(CLOCK_REALTIME, &then) == 0);
  set_by += seconds;
}
static struct itimerspec at(time_t later, time_t interval) { return (struct itimerspec){.it_value = realtime(later), .it_interval = {interval, 0}}; }
static int is_readable(int fd) { return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0); }
static long left(int fd) {
  struct itimerspec value;
  CHECK(timerfd_gettime(fd, &value) == 0);
  return value.it_value.tv_sec;
}

static void *set_it_soon(void *unused) {
  nanosleep(&(struct timespec){0, 50000000}, NULL);
  set_forward(1);
  return unused;
}

int main(void) {
  uint64_t count = 0;
  struct itimerspec day = at(3600, 0), in_an_hour = {.it_value = {3600, 0}}, every_second = at(10, 1), nothing = {.it_value = {0, 0}};
  int moment = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), relative = timerfd_create(CLOCK_REALTIME, 0), canceled = timerfd_create(CLOCK_REALTIME, 0),
      periodic = timerfd_create(CLOCK_REALTIME, 0), monotonic = timerfd_create(CLOCK_MONOTONIC, 0);
  CHECK(timerfd_settime(moment, TFD_TIMER_ABSTIME, &day, NULL) == 0);
  CHECK(timerfd_settime(relative, 0, &in_an_hour, NULL) == 0);
  CHECK(timerfd_settime(canceled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &day, NULL) == 0);
  CHECK(timerfd_settime(periodic, TFD_TIMER_ABSTIME, &every_second, NULL) == 0);
  // The flag is for moments of REALTIME: ignored elsewhere.
  CHECK(timerfd_settime(monotonic, TFD_TIMER_CANCEL_ON_SET, &in_an_hour, NULL) == 0);
  CHECK(timerfd_settime(monotonic, 8, &in_an_hour, NULL) == -1 && errno == EINVAL);

  set_forward(1800);
  CHECK(left(moment) >= 1790 && left(moment) <= 1801);
  CHECK(left(relative) > 3590 && left(monotonic) > 3590);
  CHECK(!is_readable(moment) && !is_readable(relative) && !is_readable(monotonic));
  // Half an hour of seconds has passed at once.
  CHECK(poll(&(struct pollfd){.fd = periodic, .events = POLLIN}, 1, 2000) == 1 && read(periodic, &count, 8) == 8 && count >= 1789 && count <= 1792);
  CHECK(is_readable(canceled) && read(canceled, &count, 8) == -1 && errno == ECANCELED);
  CHECK(!is_readable(canceled) && left(canceled) <= 1801);  // it goes on, and says it once

  // Set before it was told: it says so, and is set.
  set_forward(-60);
  day = at(100, 0);
  CHECK(timerfd_settime(canceled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &day, NULL) == -1 && errno == ECANCELED);
  CHECK(left(canceled) >= 95 && left(canceled) <= 101);
  CHECK(timerfd_settime(canceled, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &day, NULL) == 0);

  // Who waits in read() is woken.
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, set_it_soon, NULL) == 0);
  CHECK(read(canceled, &count, 8) == -1 && errno == ECANCELED);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(timerfd_settime(canceled, 0, &nothing, NULL) == 0);
  set_forward(1);
  CHECK(!is_readable(canceled));

  // The moment itself.
  set_forward(3600);
  CHECK(poll(&(struct pollfd){.fd = moment, .events = POLLIN}, 1, 2000) == 1 && read(moment, &count, 8) == 8 && count == 1);
  close(periodic);
  set_forward(-set_by);
  return failures ? 1 : 0;
}
