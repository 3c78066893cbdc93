// SPDX-License-Identifier: BSD-2-Clause
// Pipes and FIFOs, poll, select and epoll, timers and events by descriptor. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

static char bytes[1 << 17];

static void pipes_of_packets(void) {
  int p[2], waiting;
  CHECK(pipe2(p, O_DIRECT | O_NONBLOCK) == 0 && fcntl(p[1], F_GETFL) & O_DIRECT);
  CHECK(write(p[1], "one", 3) == 3 && write(p[1], "second", 6) == 6 && write(p[1], "", 0) == 0);
  CHECK(ioctl(p[0], FIONREAD, &waiting) == 0 && waiting == 9);
  CHECK(read(p[0], bytes, 100) == 3 && !memcmp(bytes, "one", 3));
  CHECK(read(p[0], bytes, 2) == 2 && read(p[0], bytes, 100) == -1 && errno == EAGAIN);  // what does not fit is lost
  CHECK(write(p[1], bytes, 10000) == 10000);
  CHECK(read(p[0], bytes, 100000) == 4096 && read(p[0], bytes, 100000) == 4096 && read(p[0], bytes, 100000) == 1808);
  struct iovec two[2] = {{"ab", 2}, {"cd", 2}};
  CHECK(writev(p[1], two, 2) == 4 && read(p[0], bytes, 100) == 4);
  int n = 0;
  while (write(p[1], "x", 1) == 1) n++;
  CHECK(n == 16 && errno == EAGAIN);
  // Turned off, what comes is a stream again; what was a packet stays one.
  CHECK(read(p[0], bytes, 100) == 1 && fcntl(p[1], F_SETFL, O_NONBLOCK) == 0 && write(p[1], "yz", 2) == 2);
  for (n = 0; read(p[0], bytes, 1) == 1; n++) {
  }
  CHECK(n == 17);
  CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT) == 0 && write(p[1], "a", 1) == 1 && write(p[1], "b", 1) == 1 && read(p[0], bytes, 9) == 1);
  close(p[0]), close(p[1]);
}

static void sizes_of_pipes(void) {
  int p[2];
  CHECK(pipe2(p, O_NONBLOCK) == 0 && fcntl(p[0], F_GETPIPE_SZ) == 65536);
  CHECK(fcntl(p[0], F_SETPIPE_SZ, 100000) == 131072 && fcntl(p[1], F_GETPIPE_SZ) == 131072);
  CHECK(write(p[1], bytes, sizeof bytes) == sizeof bytes && write(p[1], bytes, 1) == -1 && errno == EAGAIN);
  CHECK(fcntl(p[1], F_SETPIPE_SZ, 4096) == -1 && errno == EBUSY && fcntl(p[1], F_SETPIPE_SZ, 1u << 31) == -1);
  CHECK(read(p[0], bytes, sizeof bytes) == sizeof bytes && fcntl(p[1], F_SETPIPE_SZ, 1) == 4096);
  // What is at most PIPE_BUF long is written whole or not at all.
  CHECK(write(p[1], bytes, 4000) == 4000 && write(p[1], bytes, 200) == -1 && errno == EAGAIN);
  close(p[0]), close(p[1]);
}

static void fifos(void) {
  char path[] = "/tmp/waiting-XXXXXX";
  CHECK(mkdtemp(path));
  char name[64];
  snprintf(name, sizeof name, "%s/fifo", path);
  CHECK(mkfifo(name, 0600) == 0);
  int both = open(name, O_RDWR | O_NONBLOCK);
  CHECK(both >= 0 && write(both, "x", 1) == 1 && read(both, bytes, 9) == 1);
  close(both);
  pid_t pid = fork();
  if (!pid) {
    int w = open(name, O_WRONLY);
    _exit(write(w, "hello", 5) != 5);
  }
  int r = open(name, O_RDONLY);
  CHECK(read(r, bytes, 9) == 5 && read(r, bytes, 9) == 0);
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  struct pollfd p = {r, POLLIN, 0};
  CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLHUP);
  int w = open(name, O_WRONLY | O_NONBLOCK);
  CHECK(w >= 0 && poll(&p, 1, 0) == 0 && write(w, "y", 1) == 1 && poll(&p, 1, 0) == 1 && p.revents == POLLIN);
  close(w), close(r);
  unlink(name), rmdir(path);
}

static void *ignore_but_wake(void *to) {
  usleep(20000);
  pthread_kill(*(pthread_t *)to, SIGUSR1);
  return NULL;
}
static volatile sig_atomic_t got;
static void note(int number) { got = number; }

static void masks_while_waiting(void) {
  sigset_t blocked, none;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  signal(SIGUSR1, note);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  struct timespec long_time = {5, 0};
  int e = epoll_create1(0);
  struct epoll_event event;
  for (int kind = 0; kind < 4; kind++) {
    got = 0;
    raise(SIGUSR1);
    CHECK(got == 0);
    fd_set set;
    FD_ZERO(&set);
    int r = kind == 0 ? ppoll(NULL, 0, &long_time, &none) : kind == 1 ? pselect(0, &set, NULL, NULL, &long_time, &none) : kind == 2 ? epoll_pwait(e, &event, 1, 5000, &none)
          : (int)syscall(441, e, &event, 1, &long_time, &none, 8);
    CHECK(r == -1 && errno == EINTR && got == SIGUSR1);
    sigset_t now;
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR1));
  }
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
  pthread_t me = pthread_self(), thread;
  pthread_create(&thread, NULL, ignore_but_wake, &me);
  CHECK(poll(NULL, 0, 5000) == -1 && errno == EINTR);
  pthread_join(thread, NULL);
  // What is left of a select's time is written back.
  struct timespec left = {0, 50000000};
  CHECK(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &left, NULL) == 0 && left.tv_sec == 0 && left.tv_nsec == 0);
  struct timespec wrong = {0, 1000000000};
  CHECK(ppoll(NULL, 0, &wrong, NULL) == -1 && errno == EINVAL);
  close(e);
}

static void epoll_in_epoll(void) {
  int a = epoll_create1(0), b = epoll_create1(0), p[2];
  struct epoll_event event = {.events = EPOLLIN}, found[4];
  CHECK(pipe(p) == 0);
  CHECK(epoll_ctl(a, EPOLL_CTL_ADD, b, &event) == 0);
  CHECK(epoll_ctl(b, EPOLL_CTL_ADD, a, &event) == -1 && errno == ELOOP);
  CHECK(epoll_ctl(b, EPOLL_CTL_ADD, p[0], &event) == 0 && epoll_wait(a, found, 4, 0) == 0);
  CHECK(write(p[1], "x", 1) == 1 && epoll_wait(a, found, 4, 0) == 1 && found[0].events == EPOLLIN);
  struct pollfd look = {a, POLLIN, 0};
  CHECK(poll(&look, 1, 0) == 1 && look.revents == POLLIN);
  int chain[8];
  chain[0] = a;
  int i = 1;
  for (; i < 8; i++) {
    chain[i] = epoll_create1(0);
    if (epoll_ctl(chain[i], EPOLL_CTL_ADD, chain[i - 1], &event) != 0) break;
  }
  CHECK(i < 8 && (errno == EINVAL || errno == ELOOP));
  for (int k = 1; k <= i && k < 8; k++) close(chain[k]);
  CHECK(epoll_ctl(a, EPOLL_CTL_ADD, a, &event) == -1 && errno == EINVAL);
  CHECK(epoll_ctl(a, 7, p[0], &event) == -1 && errno == EINVAL && epoll_ctl(a, EPOLL_CTL_DEL, p[0], NULL) == -1 && errno == ENOENT);
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  CHECK(epoll_ctl(a, EPOLL_CTL_ADD, p[0], &event) == 0 && epoll_ctl(a, EPOLL_CTL_MOD, p[0], &event) == -1 && errno == EINVAL);
  event.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
  CHECK(epoll_ctl(b, EPOLL_CTL_ADD, p[1], &event) == -1 && errno == EINVAL);
  close(p[0]), close(p[1]), close(a), close(b);
}

static void *wait_exclusively(void *e) {
  struct epoll_event found;
  return (void *)(long)epoll_wait(*(int *)e, &found, 1, 300);
}
static void one_waiter_is_woken_exclusively(void) {
  int p[2], e[3];
  struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
  CHECK(pipe(p) == 0);
  pthread_t thread[3];
  for (int i = 0; i < 3; i++) {
    e[i] = epoll_create1(0);
    CHECK(epoll_ctl(e[i], EPOLL_CTL_ADD, p[0], &event) == 0);
    pthread_create(&thread[i], NULL, wait_exclusively, &e[i]);
  }
  usleep(30000);
  CHECK(write(p[1], "x", 1) == 1);
  long woken = 0;
  for (int i = 0; i < 3; i++) {
    void *result;
    pthread_join(thread[i], &result);
    woken += (long)result;
    close(e[i]);
  }
  CHECK(woken >= 1);
  close(p[0]), close(p[1]);
}

static void descriptors_that_close_leave(void) {
  int e = epoll_create1(0), p[2];
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7}, found[4];
  CHECK(pipe(p) == 0 && epoll_ctl(e, EPOLL_CTL_ADD, p[0], &event) == 0);
  int copy = dup(p[0]);
  close(p[0]);
  CHECK(write(p[1], "x", 1) == 1 && epoll_wait(e, found, 4, 0) == 1 && found[0].data.u64 == 7);
  close(copy);
  CHECK(epoll_wait(e, found, 4, 0) == 0);
  close(p[1]), close(e);
}

static void timers(void) {
  uint64_t count;
  int t = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  CHECK(read(t, &count, 8) == -1 && errno == EAGAIN && read(t, &count, 4) == -1 && errno == EINVAL);
  struct itimerspec when = {{0, 0}, {1, 0}}, left;
  struct pollfd p = {t, POLLIN, 0};
  // A moment that is over is told by an interrupt, too, which may come after the call.
  CHECK(timerfd_settime(t, TFD_TIMER_ABSTIME, &when, NULL) == 0 && poll(&p, 1, 5000) == 1 && read(t, &count, 8) == 8 && count == 1);
  when.it_value.tv_sec = 100;
  CHECK(timerfd_settime(t, 0, &when, NULL) == 0 && timerfd_gettime(t, &left) == 0 && left.it_value.tv_sec >= 98 && left.it_interval.tv_sec == 0);
  when.it_value.tv_nsec = -1;
  CHECK(timerfd_settime(t, 0, &when, NULL) == -1 && errno == EINVAL && timerfd_settime(0, 0, &when, NULL) == -1);
  when = (struct itimerspec){{0, 0}, {0, 5000000}};
  CHECK(timerfd_settime(t, 0, &when, NULL) == 0 && poll(&p, 1, 5000) == 1 && p.revents == POLLIN);
  close(t);
  int e = eventfd(0, EFD_NONBLOCK);
  p.fd = e;
  p.events = POLLIN | POLLOUT;
  CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
  count = UINT64_MAX - 1;
  CHECK(write(e, &count, 8) == 8 && poll(&p, 1, 0) == 1 && p.revents == POLLIN);
  close(e);
}

int main(void) {
  pipes_of_packets();
  sizes_of_pipes();
  fifos();
  masks_while_waiting();
  epoll_in_epoll();
  one_waiter_is_woken_exclusively();
  descriptors_that_close_leave();
  timers();
  printf("%d failures\n", failures);
  return failures != 0;
}
