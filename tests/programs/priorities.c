// SPDX-License-Identifier: BSD-2-Clause
// Real-time policies on one processor: who runs, who gives way, who is woken and who inherits a priority. Exits with 0 when everything is as
// Linux has it.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static long futex(int *at, int operation, int value, const void *timeout, int *other, int value3) {
  return syscall(SYS_futex, at, operation, value, timeout, other, value3);
}
static int become(pid_t tid, int policy, int priority) {
  struct sched_param param = {priority};
  return (int)syscall(SYS_sched_setscheduler, tid, policy, &param);
}
static long now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}
static void burn(long ns) {  // of the processor
  for (long end = now(CLOCK_THREAD_CPUTIME_ID) + ns; now(CLOCK_THREAD_CPUTIME_ID) < end;) {
  }
}

// What happened, a letter each.
static char events[64];
static volatile int happened;
static void note(char letter) { events[happened++] = letter; }
static int order_was(const char *wanted) {
  events[happened] = 0;
  int same = !strcmp(events, wanted);
  if (!same) printf("order: %s, not %s\n", events, wanted);
  happened = 0;
  return same;
}

struct part { void *(*run)(void *); int policy, priority; char letter; pthread_t thread; volatile pid_t tid; };
static void *begin(void *part) {
  struct part *p = part;
  p->tid = gettid();
  if (become(0, p->policy, p->priority)) note('!');
  return p->run(part);
}
static void start(struct part *p) { CHECK(pthread_create(&p->thread, NULL, begin, p) == 0); }
static void join(struct part *p) { CHECK(pthread_join(p->thread, NULL) == 0); }

static void *says_so(void *part) {
  note(((struct part *)part)->letter);
  return NULL;
}
static void the_highest_runs_first(void) {
  struct part parts[] = {{says_so, SCHED_FIFO, 5, 'c'}, {says_so, SCHED_RR, 30, 'a'}, {says_so, SCHED_FIFO, 10, 'b'}};
  // Who is higher than all of them sees none run until it sleeps.
  CHECK(become(0, SCHED_FIFO, 50) == 0);
  for (int i = 0; i < 3; i++) start(&parts[i]);
  CHECK(happened == 0);
  for (int i = 0; i < 3; i++) join(&parts[i]);
  // (They are as high as this one until they say what they are, so each got as far as that.)
  CHECK(order_was("abc"));
  CHECK(become(0, SCHED_OTHER, 0) == 0);
}

static int gate;
static void *waits_at_the_gate(void *part) {
  futex(&gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  note(((struct part *)part)->letter);
  return NULL;
}
static void the_highest_is_woken_first(void) {
  struct part parts[] = {{waits_at_the_gate, SCHED_OTHER, 0, 'd'}, {waits_at_the_gate, SCHED_FIFO, 5, 'c'}, {waits_at_the_gate, SCHED_FIFO, 20, 'a'},
                         {waits_at_the_gate, SCHED_FIFO, 20, 'b'}};
  for (int i = 0; i < 4; i++) start(&parts[i]), usleep(10000);
  CHECK(become(0, SCHED_FIFO, 50) == 0);
  for (int i = 0; i < 4; i++) CHECK(futex(&gate, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1 && usleep(10000) == 0);
  for (int i = 0; i < 4; i++) join(&parts[i]);
  CHECK(order_was("abcd"));
  // One that is lower goes on until it gives way; one that is woken and higher takes over at once.
  struct part higher = {waits_at_the_gate, SCHED_FIFO, 60, 'h'}, same = {waits_at_the_gate, SCHED_FIFO, 50, 's'}, lower = {waits_at_the_gate, SCHED_FIFO, 40, 'l'};
  start(&lower), start(&same), start(&higher);
  usleep(10000);
  CHECK(futex(&gate, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
  note('1');
  CHECK(futex(&gate, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0) == 2);
  note('2');
  sched_yield();
  note('3');
  usleep(10000);
  note('4');
  join(&higher), join(&same), join(&lower);
  CHECK(order_was("h12s3l4"));
  // Its own priority's fall lets others in, its rise keeps them out.
  struct part other = {says_so, SCHED_FIFO, 45, 'o'};
  start(&other);
  usleep(20000);
  CHECK(order_was("o"));
  join(&other);
  struct part waiting = {waits_at_the_gate, SCHED_FIFO, 45, 'w'};
  start(&waiting);
  usleep(10000);
  CHECK(futex(&gate, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
  note('5');
  CHECK(become(0, SCHED_FIFO, 45) == 0);
  note('6');
  CHECK(become(0, SCHED_FIFO, 44) == 0);
  note('7');
  join(&waiting);
  CHECK(order_was("56w7"));
  CHECK(become(0, SCHED_OTHER, 0) == 0);
}

// Two of one priority: in turns, or one after the other.
static void *works(void *part) {
  struct part *p = part;
  note(p->letter);
  if (p->policy == SCHED_FIFO) burn(250000000);
  for (int i = 0; p->policy == SCHED_RR && happened < 2 && i < 300; i++) burn(10000000);
  note('.');
  return NULL;
}
static void turns_are_round_robins(void) {
  for (int which = 0; which < 2; which++) {
    int policy = which ? SCHED_RR : SCHED_FIFO;
    struct part one = {works, policy, 5, 'x'}, two = {works, policy, 5, 'y'};
    CHECK(become(0, SCHED_FIFO, 50) == 0);
    start(&one), start(&two);
    join(&one), join(&two);  // who was the last to lower its priority is the first there
    CHECK(order_was(which ? "yx.." : "y.x."));
  }
  struct timespec slice;
  CHECK(become(0, SCHED_RR, 5) == 0 && syscall(SYS_sched_rr_get_interval, 0, &slice) == 0 && slice.tv_sec == 0 && slice.tv_nsec == 100000000);
  CHECK(become(0, SCHED_FIFO, 5) == 0 && syscall(SYS_sched_rr_get_interval, 0, &slice) == 0 && slice.tv_sec == 0 && slice.tv_nsec == 0);
  CHECK(become(0, SCHED_OTHER, 0) == 0);
}

// ---- priority inheritance ----

static int locks[3];
static void *holds_the_lock(void *part) {
  CHECK(futex(&locks[0], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  note('l');
  futex(&gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  burn(20000000);
  note('u');
  CHECK(futex(&locks[0], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  note('v');
  return part;
}
static void *wants_the_lock(void *part) {
  CHECK(futex(&locks[0], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  note(((struct part *)part)->letter);
  CHECK(futex(&locks[0], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  return part;
}
static void *hogs(void *part) {
  futex(&gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  note('m');
  burn(60000000);
  note('n');
  return part;
}
static void an_owner_inherits(void) {
  // Low holds, middle would run for long, high waits: low goes on as if it were high, and no longer than it holds the lock.
  for (int policy = 0; policy < 2; policy++) {
    struct part low = {holds_the_lock, policy ? SCHED_FIFO : SCHED_OTHER, policy ? 5 : 0, 0}, middle = {hogs, SCHED_FIFO, 10, 0}, high = {wants_the_lock, SCHED_FIFO, 20, 'h'};
    start(&low);
    usleep(20000);
    start(&middle), start(&high);
    usleep(20000);
    CHECK(become(0, SCHED_FIFO, 50) == 0);
    CHECK(futex(&gate, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0) == 2);
    join(&high), join(&middle), join(&low);
    CHECK(order_was("luhmnv"));
    CHECK(become(0, SCHED_OTHER, 0) == 0);
  }
}

static void *holds_second(void *part) {
  CHECK(futex(&locks[1], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  CHECK(futex(&locks[0], FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  note('s');
  CHECK(futex(&locks[0], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  note('t');
  CHECK(futex(&locks[1], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  note('r');
  return part;
}
static void *wants_second(void *part) {
  struct timespec deadline;
  struct part *p = part;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += p->letter == '-' ? 0 : 100;
  deadline.tv_nsec += 30000000;
  if (deadline.tv_nsec >= 1000000000) deadline.tv_nsec -= 1000000000, deadline.tv_sec++;
  if (futex(&locks[1], FUTEX_LOCK_PI_PRIVATE, 0, &deadline, NULL, 0) == 0) {
    note(p->letter);
    CHECK(futex(&locks[1], FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  } else {
    CHECK(errno == ETIMEDOUT);
    note('-');
  }
  return part;
}
static void inheritance_goes_down_the_line(void) {
  struct part low = {holds_the_lock, SCHED_FIFO, 5, 0}, second = {holds_second, SCHED_FIFO, 7, 0}, middle = {hogs, SCHED_FIFO, 10, 0},
              high = {wants_second, SCHED_FIFO, 20, 'h'};
  start(&low), usleep(20000), start(&second), usleep(20000), start(&middle), start(&high), usleep(20000);
  CHECK(become(0, SCHED_FIFO, 50) == 0 && futex(&gate, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0) == 2);
  join(&high), join(&middle), join(&second), join(&low);
  CHECK(order_was("lusthmnrv"));
  CHECK(become(0, SCHED_OTHER, 0) == 0);
  // Who gives up waiting takes back what it lent.
  struct part again = {holds_the_lock, SCHED_FIFO, 5, 0}, behind = {holds_second, SCHED_FIFO, 7, 0}, hog = {hogs, SCHED_FIFO, 10, 0},
              impatient = {wants_second, SCHED_FIFO, 20, '-'};
  start(&again), usleep(20000), start(&behind), usleep(20000), start(&hog), start(&impatient), usleep(100000);
  CHECK(become(0, SCHED_FIFO, 50) == 0 && futex(&gate, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0) == 2);
  join(&impatient), join(&hog), join(&behind), join(&again);
  CHECK(order_was("l-mnustrv"));
  CHECK(become(0, SCHED_OTHER, 0) == 0);
  // A waiter's new priority counts for the owner too.
  struct part owner = {holds_the_lock, SCHED_FIFO, 5, 0}, rises = {wants_the_lock, SCHED_FIFO, 6, 'r'}, busy = {hogs, SCHED_FIFO, 10, 0};
  start(&owner), usleep(20000), start(&rises), start(&busy), usleep(20000);
  CHECK(become(0, SCHED_FIFO, 50) == 0 && become(rises.tid, SCHED_FIFO, 30) == 0 && futex(&gate, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0) == 2);
  join(&rises), join(&busy), join(&owner);
  CHECK(order_was("lurmnv"));
  CHECK(become(0, SCHED_OTHER, 0) == 0);
}

static void the_highest_gets_the_lock(void) {
  struct part low = {holds_the_lock, SCHED_OTHER, 0, 0}, waiters[] = {{wants_the_lock, SCHED_OTHER, 0, 'd'}, {wants_the_lock, SCHED_FIFO, 5, 'b'},
                     {wants_the_lock, SCHED_FIFO, 9, 'a'}, {wants_the_lock, SCHED_FIFO, 5, 'c'}, {wants_the_lock, SCHED_OTHER, 0, 'e'}};
  start(&low), usleep(20000);
  for (int i = 0; i < 5; i++) start(&waiters[i]), usleep(10000);
  CHECK(become(0, SCHED_FIFO, 50) == 0 && futex(&gate, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
  for (int i = 0; i < 5; i++) join(&waiters[i]);
  join(&low);
  // Who held it goes on once those that are higher have had it.
  char *v = memchr(events, 'v', 64);
  if (v) memmove(v, v + 1, (size_t)(events + happened - v)), happened--;
  CHECK(order_was("luabcde"));
  CHECK(become(0, SCHED_OTHER, 0) == 0);
}

// ---- what may be asked for ----

static void *spins(void *until) {
  while (!*(volatile int *)until) {
  }
  return NULL;
}
static void others_get_a_share(void) {
  // A real-time thread that never sleeps leaves a part of each second to those that are none.
  static volatile int stop;
  pid_t pid = fork();
  if (!pid) {
    pthread_t thread;
    pthread_create(&thread, NULL, spins, (void *)&stop);
    struct sched_param param = {5};
    pthread_setschedparam(thread, SCHED_FIFO, &param);
    usleep(1000);
    stop = 1;
    pthread_join(thread, NULL);
    _exit(0);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void what_is_allowed(void) {
  pid_t pid = fork();
  if (!pid) {
    failures = 0;
    struct rlimit none = {0, 0}, some = {10, 10};
    CHECK(become(0, SCHED_FIFO, 0) == -1 && errno == EINVAL && become(0, SCHED_FIFO, 100) == -1 && errno == EINVAL && become(0, SCHED_BATCH, 1) == -1 && errno == EINVAL);
    CHECK(become(0, SCHED_FIFO, 30) == 0 && become(0, SCHED_RR | SCHED_RESET_ON_FORK, 30) == 0 && syscall(SYS_sched_getscheduler, 0) == (SCHED_RR | SCHED_RESET_ON_FORK));
    CHECK(setrlimit(RLIMIT_RTPRIO, &some) == 0 && setuid(1000) == 0);
    CHECK(become(0, SCHED_RR, 30) == -1 && errno == EPERM && become(0, SCHED_RR | SCHED_RESET_ON_FORK, 31) == -1 && errno == EPERM);
    CHECK(become(0, SCHED_RR | SCHED_RESET_ON_FORK, 30) == 0 && become(0, SCHED_FIFO | SCHED_RESET_ON_FORK, 20) == 0 && become(0, SCHED_RR | SCHED_RESET_ON_FORK, 10) == 0);
    CHECK(become(0, SCHED_RR | SCHED_RESET_ON_FORK, 11) == -1 && errno == EPERM && setrlimit(RLIMIT_RTPRIO, &none) == 0);
    CHECK(become(0, SCHED_FIFO | SCHED_RESET_ON_FORK, 1) == -1 && errno == EPERM && become(0, SCHED_RR | SCHED_RESET_ON_FORK, 5) == 0);
    CHECK(become(0, SCHED_IDLE | SCHED_RESET_ON_FORK, 0) == 0 && become(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0) == -1 && errno == EPERM);
    CHECK(become(getppid(), SCHED_OTHER, 0) == -1 && errno == EPERM);
    fflush(stdout);
    _exit(failures);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  // Children inherit it; what is shown of it.
  CHECK(become(0, SCHED_FIFO, 7) == 0);
  pid = fork();
  if (!pid) {
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "r");
    text[f ? fread(text, 1, sizeof text - 1, f) : 0] = 0;
    char *at = strrchr(text, ')');
    long fields[50] = {0};
    int n = 2;
    for (char *word = strtok(at + 2, " "); word && n < 50; word = strtok(NULL, " ")) fields[n++] = atol(word);
    _exit(!(syscall(SYS_sched_getscheduler, 0) == SCHED_FIFO && fields[17] == -8 && fields[39] == 7 && fields[40] == SCHED_FIFO));
  }
  CHECK(waitpid(pid, &status, 0) == pid && status == 0 && become(0, SCHED_OTHER, 0) == 0);
}

int main(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
  the_highest_runs_first();
  the_highest_is_woken_first();
  turns_are_round_robins();
  an_owner_inherits();
  inheritance_goes_down_the_line();
  the_highest_gets_the_lock();
  others_get_a_share();
  what_is_allowed();
  printf("%d failures\n", failures);
  return failures != 0;
}
