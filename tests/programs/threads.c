// SPDX-License-Identifier: BSD-2-Clause
// Threads: mutexes, conditions, joins, robust and priority-inheriting locks, preemption, thread-local signals, exit and execve of many.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { Threads = 64, Rounds = 500 };
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long counter, turn;

static void *count(void *unused) {
  for (int i = 0; i < Rounds; i++) {
    pthread_mutex_lock(&mutex);
    long c = counter;
    if (i % 64 == 0) sched_yield();
    counter = c + 1;
    pthread_mutex_unlock(&mutex);
  }
  return unused;
}

static void mutexes(void) {
  pthread_t thread[Threads];
  for (long i = 0; i < Threads; i++) CHECK(pthread_create(&thread[i], NULL, count, (void *)i) == 0);
  for (long i = 0; i < Threads; i++) {
    void *result;
    CHECK(pthread_join(thread[i], &result) == 0 && result == (void *)i);
  }
  CHECK(counter == Threads * Rounds);
}

static void *take_turns(void *which) {
  for (int i = 0; i < 200; i++) {
    pthread_mutex_lock(&mutex);
    while (turn % 3 != (long)which) pthread_cond_wait(&condition, &mutex);
    turn++;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void conditions(void) {
  pthread_t thread[3];
  for (long i = 0; i < 3; i++) pthread_create(&thread[i], NULL, take_turns, (void *)i);
  for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
  CHECK(turn == 600);
  struct timespec when;
  clock_gettime(CLOCK_REALTIME, &when);
  when.tv_nsec += 30000000;
  if (when.tv_nsec >= 1000000000) when.tv_nsec -= 1000000000, when.tv_sec++;
  pthread_mutex_lock(&mutex);
  CHECK(pthread_cond_timedwait(&condition, &mutex, &when) == ETIMEDOUT);
  pthread_mutex_unlock(&mutex);
}

static atomic_int spinning;
static void *spin(void *unused) {
  while (spinning) {
  }
  return unused;
}
static void spinners_are_preempted(void) {
  pthread_t thread[3];
  spinning = 1;
  for (int i = 0; i < 3; i++) pthread_create(&thread[i], NULL, spin, NULL);
  usleep(30000);
  spinning = 0;
  for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
}

static double floats[4];
static void *add_floats(void *which) {
  double sum = 0;
  for (int i = 0; i < 400000; i++) sum += (double)(long)which + 0.5;
  floats[(long)which] = sum;
  return NULL;
}
static void floats_are_each_threads_own(void) {
  pthread_t thread[4];
  for (long i = 0; i < 4; i++) pthread_create(&thread[i], NULL, add_floats, (void *)i);
  for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < 4; i++) CHECK(floats[i] == 400000 * (i + 0.5));
}

static void *lock_and_die(void *lock) {
  pthread_mutex_lock(lock);
  return NULL;
}
static void robust_locks(void) {
  for (int shared = 0; shared < 2; shared++) {
    pthread_mutex_t *lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (shared) pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(lock, &attributes);
    if (shared) {
      pid_t pid = fork();
      if (!pid) {
        pthread_mutex_lock(lock);
        _exit(0);
      }
      waitpid(pid, NULL, 0);
    } else {
      pthread_t thread;
      pthread_create(&thread, NULL, lock_and_die, lock);
      pthread_join(thread, NULL);
    }
    CHECK(pthread_mutex_lock(lock) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(lock) == 0);
    CHECK(pthread_mutex_unlock(lock) == 0);
    munmap(lock, 4096);
  }
}

static pthread_mutex_t inheriting;
static void *count_inheriting(void *unused) {
  for (int i = 0; i < 300; i++) {
    CHECK(pthread_mutex_lock(&inheriting) == 0);
    long c = counter;
    if (i % 16 == 0) sched_yield();
    counter = c + 1;
    CHECK(pthread_mutex_unlock(&inheriting) == 0);
  }
  return unused;
}
static void priority_inheritance(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if (pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT)) return;
  pthread_mutex_init(&inheriting, &attributes);
  counter = 0;
  pthread_t thread[4];
  for (int i = 0; i < 4; i++) pthread_create(&thread[i], NULL, count_inheriting, NULL);
  for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
  CHECK(counter == 1200);
}

// Who waits for a lock whose owner ends has it then, however much the owner's C library had let go before.
static void *hold_a_while(void *lock) {
  pthread_mutex_lock(lock);
  pthread_mutex_lock(&mutex);  // held by who started us, who waits for `lock` when it lets go
  pthread_mutex_unlock(&mutex);
  usleep(20000);
  return NULL;
}
static void *wait_for_orphan(void *lock) {
  CHECK(pthread_mutex_lock(lock) == EOWNERDEAD);
  CHECK(pthread_mutex_consistent(lock) == 0);
  CHECK(pthread_mutex_unlock(lock) == 0);
  return NULL;
}
static void heirs_of_a_lock(int inherit) {
  pthread_mutex_t *lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  if (inherit && pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT)) return;
  pthread_mutex_init(lock, &attributes);
  pthread_t owner, heir;
  pthread_mutex_lock(&mutex);
  pthread_create(&owner, NULL, hold_a_while, lock);
  while (pthread_mutex_trylock(lock) == 0) {
    pthread_mutex_unlock(lock);
    sched_yield();
  }
  pthread_create(&heir, NULL, wait_for_orphan, lock);
  usleep(20000);
  pthread_mutex_unlock(&mutex);
  pthread_join(owner, NULL);
  pthread_join(heir, NULL);
  // A process, with two others in line.
  int turn[2];
  pipe(turn);
  pid_t pid = fork();
  if (!pid) {
    pthread_mutex_lock(lock);
    write(turn[1], "", 1);
    usleep(40000);
    _exit(0);
  }
  char byte;
  read(turn[0], &byte, 1);
  pid_t second = fork();
  if (!second) {
    int got = pthread_mutex_lock(lock);
    if (got == EOWNERDEAD) pthread_mutex_consistent(lock);
    _exit(got == EOWNERDEAD || got == 0 ? 0 : 1);  // and leaves it to the third
  }
  CHECK(pthread_mutex_lock(lock) == EOWNERDEAD);
  CHECK(pthread_mutex_consistent(lock) == 0);
  CHECK(pthread_mutex_unlock(lock) == 0);
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  CHECK(waitpid(second, &status, 0) == second && status == 0);
  close(turn[0]);
  close(turn[1]);
  munmap(lock, 4096);
}

static int bare_lock;
static void *take_and_end(void *unused) {
  syscall(SYS_futex, &bare_lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  usleep(40000);
  return unused;
}
static void an_ended_owner_on_no_list(void) {
  pthread_t owner;
  pthread_create(&owner, NULL, take_and_end, NULL);
  while (!__atomic_load_n(&bare_lock, __ATOMIC_SEQ_CST)) usleep(1000);
  CHECK(syscall(SYS_futex, &bare_lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  CHECK((bare_lock & FUTEX_TID_MASK) == gettid() && bare_lock & FUTEX_OWNER_DIED);
  pthread_join(owner, NULL);
  int nobodys = bare_lock = 4000000;
  CHECK(syscall(SYS_futex, &bare_lock, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == -1 && errno == ESRCH && bare_lock == (int)(nobodys | FUTEX_WAITERS));
}

static _Thread_local volatile int mine;
static void note(int number) { mine = number; }
static void *wait_for_mine(void *ready) {
  atomic_store((atomic_int *)ready, 1);
  while (mine != SIGUSR1) usleep(1000);
  return NULL;
}
static void signals_to_one_thread(void) {
  atomic_int ready = 0;
  pthread_t thread;
  signal(SIGUSR1, note);
  pthread_create(&thread, NULL, wait_for_mine, &ready);
  while (!ready) sched_yield();
  CHECK(pthread_kill(thread, SIGUSR1) == 0);
  pthread_join(thread, NULL);
  CHECK(mine == 0);
}

static void *wait_for_ever(void *unused) {
  for (;;) pause();
  return unused;
}
static void *exit_group_from_here(void *unused) {
  usleep(5000);
  exit(9);
  return unused;
}
static void *execute_from_here(void *self) {
  usleep(5000);
  execl(self, self, "--executed", NULL);
  _exit(98);
}
static void the_end_of_many(char *self) {
  for (int executes = 0; executes < 2; executes++) {
    pid_t pid = fork();
    if (!pid) {
      pthread_t thread;
      for (int i = 0; i < 5; i++) pthread_create(&thread, NULL, wait_for_ever, NULL);
      pthread_create(&thread, NULL, executes ? execute_from_here : exit_group_from_here, self);
      for (;;) pause();
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == (executes ? 11 : 9));
  }
  // The leader goes first, the process lives on.
  pid_t pid = fork();
  if (!pid) {
    pthread_t thread;
    pthread_create(&thread, NULL, exit_group_from_here, NULL);
    pthread_exit(NULL);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

static int word;
static long futex(int *at, int operation, int value, const void *timeout, int *other, int value3) {
  return syscall(SYS_futex, at, operation, value, timeout, other, value3);
}
static void *wait_on_word(void *unused) {
  futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
  return unused;
}
static void futex_calls(void) {
  struct timespec soon = {0, 10000000};
  CHECK(futex(&word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0) == -1 && errno == EAGAIN);
  CHECK(futex(&word, FUTEX_WAIT_PRIVATE, 0, &soon, NULL, 0) == -1 && errno == ETIMEDOUT);
  CHECK(futex((int *)((char *)&word + 1), FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == -1 && errno == EINVAL);
  CHECK(futex((int *)((char *)&word + 1), FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == -1 && errno == EPERM);
  CHECK(futex((int *)((char *)&word + 1), FUTEX_LOCK_PI, 0, NULL, NULL, 0) == -1 && errno == EINVAL);
  CHECK(futex((int *)16, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) == -1 && errno == EFAULT);
  pthread_t thread[4];
  int other = 0;
  for (int i = 0; i < 4; i++) pthread_create(&thread[i], NULL, wait_on_word, NULL);
  usleep(20000);
  CHECK(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 5) == -1 && errno == EAGAIN);
  CHECK(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 0) == 3);
  CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0) == 1);
  CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)10, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 0)) == 2 && other == 3);
  for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
}

int main(int arguments, char **argument) {
  if (arguments > 1 && !strcmp(argument[1], "--executed")) return getpid() == gettid() ? 11 : 12;
  char self[256];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length > 0 ? length : 0] = 0;
  mutexes();
  conditions();
  spinners_are_preempted();
  floats_are_each_threads_own();
  robust_locks();
  priority_inheritance();
  heirs_of_a_lock(0);
  heirs_of_a_lock(1);
  an_ended_owner_on_no_list();
  signals_to_one_thread();
  futex_calls();
  the_end_of_many(self);
  printf("%d failures\n", failures);
  return failures != 0;
}
