// SPDX-License-Identifier: BSD-2-Clause
// What threads are built of: futexes that inherit priorities, bit sets, robust lists, barriers, cancellation, many threads. Exits with 0
// when everything is as Linux has it.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static long futex(_Atomic int *at, int operation, int value, const void *timeout, _Atomic int *other, int value3) {
  return syscall(SYS_futex, at, operation, value, timeout, other, value3);
}

static _Atomic int word, target;
static atomic_int woken, started;

static void *wait_for_bit(void *bit) {
  atomic_fetch_add(&started, 1);
  if (futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (int)(long)bit) == 0) atomic_fetch_or(&woken, (int)(long)bit);
  return NULL;
}
static void bits_choose(void) {
  pthread_t thread[3];
  for (long i = 0; i < 3; i++) pthread_create(&thread[i], NULL, wait_for_bit, (void *)(1l << i));
  while (started < 3) sched_yield();
  usleep(10000);
  CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 8) == 0);
  CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 2) == 1);
  pthread_join(thread[1], NULL);
  CHECK(woken == 2);
  CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 5) == 2);
  pthread_join(thread[0], NULL);
  pthread_join(thread[2], NULL);
  CHECK(woken == 7);
  CHECK(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 0) == -1 && errno == EINVAL);
  struct timespec past = {1, 0};
  CHECK(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &past, NULL, -1) == -1 && errno == ETIMEDOUT);
  CHECK(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &past, NULL, -1) == -1 && errno == ETIMEDOUT);
  CHECK(futex(&word, FUTEX_WAKE_PRIVATE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0) == -1 && errno == ENOSYS);
}

static void operations_of_wake_op(void) {
  static const struct { int operation, argument, before, after; } rows[] = {
      {FUTEX_OP_SET, 7, 1, 7}, {FUTEX_OP_ADD, 5, 1, 6}, {FUTEX_OP_OR, 6, 1, 7}, {FUTEX_OP_ANDN, 3, 7, 4}, {FUTEX_OP_XOR, 5, 1, 4}, {FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 4, 0, 16}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    target = rows[i].before;
    CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 0, NULL, &target, (int)((unsigned)rows[i].operation << 28 | (unsigned)FUTEX_OP_CMP_GT << 24 | (unsigned)rows[i].argument << 12)) == 0);
    CHECK(target == rows[i].after);
  }
  target = 0;
  CHECK(futex(&word, FUTEX_WAKE_OP_PRIVATE, 0, NULL, &target, (int)(6u << 28)) == -1 && errno == ENOSYS);
}

static void *lock_inheriting(void *unused) {
  atomic_fetch_add(&started, 1);
  if (futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0) {
    atomic_store(&woken, word & FUTEX_TID_MASK);
    futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  }
  return unused;
}
static void inheriting_locks(void) {
  word = 0;
  CHECK(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0 && word == gettid());
  CHECK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == -1 && errno == EDEADLK);
  CHECK(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == -1 && errno == EDEADLK);
  pthread_t thread;
  started = woken = 0;
  pthread_create(&thread, NULL, lock_inheriting, NULL);
  while (!started) sched_yield();
  usleep(10000);
  CHECK((unsigned)word == ((unsigned)gettid() | FUTEX_WAITERS));
  CHECK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  pthread_join(thread, NULL);
  CHECK(woken > 0 && word == 0);
  CHECK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == -1 && errno == EPERM);
  word = 999999;
  CHECK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == -1 && errno == ESRCH);
  word = 1;
  struct timespec past = {1, 0};
  CHECK(futex(&word, FUTEX_LOCK_PI2_PRIVATE, 0, &past, NULL, 0) == -1 && (errno == ETIMEDOUT || errno == EPERM || errno == ESRCH));
}

// Condition variables whose waiters go on to a priority-inheriting mutex.
static _Atomic int condition, mutex, other_mutex;
static atomic_int result[8], held_by[8];
static struct timespec absolute(clockid_t clock, long milliseconds) {
  struct timespec t;
  clock_gettime(clock, &t);
  t.tv_nsec += milliseconds * 1000000;
  t.tv_sec += t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return t;
}
static void *wait_for_requeue(void *number) {
  long i = (long)number;
  atomic_fetch_add(&started, 1);
  result[i] = futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &mutex, 0) ? errno : 0;
  held_by[i] = (mutex & FUTEX_TID_MASK) == gettid();
  if (held_by[i]) futex(&mutex, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  atomic_fetch_add(&woken, 1);
  return NULL;
}
static void waiters(pthread_t *thread, int count) {
  started = woken = 0;
  for (long i = 0; i < count; i++) pthread_create(&thread[i], NULL, wait_for_requeue, (void *)i);
  while (started < count) sched_yield();
  usleep(20000);
}
static long requeue(int most, int expected) {
  return futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)(long)most, &mutex, expected);
}
static void waiters_go_on_to_a_lock(void) {
  pthread_t thread[4];
  condition = mutex = 0;
  // What is refused.
  CHECK(futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &condition, 0) == -1 && errno == EINVAL);
  CHECK(futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 1, NULL, &mutex, 0) == -1 && errno == EAGAIN);
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, NULL, &condition, 0) == -1 && errno == EINVAL);
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, NULL, &mutex, 0) == -1 && errno == EINVAL);
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)-1l, &mutex, 0) == -1 && errno == EINVAL);
  CHECK(requeue(4, 1) == -1 && errno == EAGAIN);
  CHECK(requeue(4, 0) == 0 && mutex == 0);
  // Time limits are absolute, of either clock.
  struct timespec t = absolute(CLOCK_MONOTONIC, 10);
  CHECK(futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &t, &mutex, 0) == -1 && errno == ETIMEDOUT);
  t = absolute(CLOCK_REALTIME, 10);
  CHECK(futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &t, &mutex, 0) == -1 && errno == ETIMEDOUT);
  CHECK(futex(&condition, FUTEX_WAIT_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &t, &mutex, 0) == -1 && errno == ENOSYS);

  // A free lock is the first one's at once; the others wait for it.
  waiters(thread, 3);
  CHECK(futex(&condition, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == -1 && errno == EINVAL);
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)4l, &target, 0) == -1 && errno == EINVAL);
  CHECK(futex(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)4l, &other_mutex, 0) == -1 && errno == EINVAL && other_mutex == 0);
  CHECK(requeue(4, 0) == 3);
  for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < 3; i++) CHECK(result[i] == 0 && held_by[i]);
  CHECK(mutex == 0);

  // One that is held: none of them runs before it is let go. Of five, as many go as were asked for, and one.
  CHECK(futex(&mutex, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  waiters(thread, 4);
  CHECK(requeue(1, 0) == 2 && (unsigned)mutex == ((unsigned)gettid() | FUTEX_WAITERS));
  usleep(10000);
  CHECK(woken == 0 && futex(&mutex, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == -1 && errno == EINVAL);
  CHECK(futex(&mutex, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  while (woken < 2) sched_yield();
  usleep(10000);
  CHECK(woken == 2 && mutex == 0 && requeue(0, 0) == 1);
  while (woken < 3) sched_yield();
  // Its word says that there may be more, as long as more than one was asked for.
  CHECK(requeue(1, 0) == 1);
  for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < 4; i++) CHECK(result[i] == 0 && held_by[i]);
}

static void note_signal(int number) { (void)number; }
static void *wait_shortly(void *lock_for) {
  struct timespec t = absolute(CLOCK_MONOTONIC, (long)lock_for);
  atomic_fetch_add(&started, 1);
  result[0] = futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &t, &mutex, 0) ? errno : 0;
  atomic_store(&woken, 1);
  return NULL;
}
static void *end_as_owner(void *unused) {
  futex(&mutex, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  atomic_store(&held_by[7], 1);
  while (held_by[7] == 1) sched_yield();
  return unused;
}
static void *take_both(void *unused) {
  // Holds other_mutex, waits for mutex.
  futex(&other_mutex, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  atomic_fetch_add(&started, 1);
  futex(&mutex, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  futex(&mutex, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  futex(&other_mutex, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  return unused;
}
static void *wait_as_owner(void *unused) {
  futex(&mutex, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  atomic_fetch_add(&started, 1);
  struct timespec t = absolute(CLOCK_MONOTONIC, 300);
  result[0] = futex(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &t, &mutex, 0) ? errno : 0;
  futex(&mutex, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
  return unused;
}
static void what_ends_such_a_wait(void) {
  pthread_t thread, owner;
  struct sigaction action = {.sa_handler = note_signal};
  sigaction(SIGUSR1, &action, NULL);
  // A signal before the move: the call begins again, and sees the word.
  condition = mutex = 0;
  waiters(&thread, 1);
  pthread_kill(thread, SIGUSR1);
  usleep(20000);
  CHECK(woken == 0);
  condition = 1;
  pthread_kill(thread, SIGUSR1);
  pthread_join(thread, NULL);
  CHECK(result[0] == EAGAIN);
  // After it: EAGAIN.
  condition = 0;
  CHECK(futex(&mutex, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  waiters(&thread, 1);
  CHECK(requeue(1, 0) == 1);
  pthread_kill(thread, SIGUSR1);
  pthread_join(thread, NULL);
  CHECK(result[0] == EAGAIN && !held_by[0]);
  // The time limit counts there too.
  started = woken = 0;
  pthread_create(&thread, NULL, wait_shortly, (void *)200l);
  while (!started) sched_yield();
  usleep(20000);
  CHECK(requeue(1, 0) == 1);
  pthread_join(thread, NULL);
  CHECK(result[0] == ETIMEDOUT);
  CHECK(futex(&mutex, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  // The owner's end: whoever waits takes the lock over.
  mutex = 0;
  pthread_create(&owner, NULL, end_as_owner, NULL);
  while (!held_by[7]) sched_yield();
  waiters(&thread, 1);
  CHECK(requeue(1, 0) == 1);
  held_by[7] = 2;
  pthread_join(owner, NULL);
  pthread_join(thread, NULL);
  CHECK(result[0] == 0 && held_by[0]);
  // Nobody waits for themselves, not even through others.
  mutex = 0;
  started = 0;
  pthread_create(&thread, NULL, wait_as_owner, NULL);
  while (!started) sched_yield();
  usleep(20000);
  CHECK(requeue(1, 0) == -1 && errno == EDEADLK);
  pthread_join(thread, NULL);
  CHECK(result[0] == ETIMEDOUT);
  mutex = other_mutex = started = 0;
  CHECK(futex(&mutex, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  pthread_create(&thread, NULL, take_both, NULL);
  while (!started) sched_yield();
  usleep(20000);
  CHECK(futex(&other_mutex, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0) == -1 && errno == EDEADLK);
  CHECK(futex(&mutex, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);
  pthread_join(thread, NULL);
  CHECK(mutex == 0);
}

// A lock on a robust list whose owner ends is marked, and a waiter woken.
struct node { struct robust_list list; _Atomic int lock; };
static struct node *shared;
static void robust_lists(void) {
  shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t pid = fork();
  if (!pid) {
    static struct robust_list_head head;
    head = (struct robust_list_head){.list = {&shared[0].list}, .futex_offset = offsetof(struct node, lock)};
    shared[0].list.next = &head.list;
    shared[0].lock = gettid() | (int)FUTEX_WAITERS;
    shared[1].lock = gettid();  // pending: being taken
    head.list_op_pending = &shared[1].list;
    if (syscall(SYS_set_robust_list, &head, sizeof head)) _exit(1);
    struct robust_list_head *seen;
    size_t length;
    if (syscall(SYS_get_robust_list, 0, &seen, &length) || seen != &head || length != sizeof head) _exit(2);
    usleep(20000);
    _exit(0);
  }
  while (!shared[0].lock) usleep(1000);
  int value = shared[0].lock;
  long r = value & FUTEX_OWNER_DIED ? 0 : futex(&shared[0].lock, FUTEX_WAIT, value, NULL, NULL, 0);
  CHECK(r == 0 || errno == EAGAIN);
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  CHECK((unsigned)shared[0].lock == (FUTEX_OWNER_DIED | FUTEX_WAITERS) && shared[1].lock == FUTEX_OWNER_DIED);
  CHECK(syscall(SYS_set_robust_list, NULL, 5) == -1 && errno == EINVAL);
  struct robust_list_head *seen;
  size_t length;
  CHECK(syscall(SYS_get_robust_list, 999999, &seen, &length) == -1 && errno == ESRCH);
}

static void barriers(void) {
  enum { Query = 0, Private = 8, Register = 16 };
  long all = syscall(SYS_membarrier, Query, 0, 0);
  CHECK(all > 0 && all & 1 && all & Private && all & Register);
  CHECK(syscall(SYS_membarrier, 1, 0, 0) == 0);
  CHECK(syscall(SYS_membarrier, Register, 0, 0) == 0 && syscall(SYS_membarrier, Private, 0, 0) == 0);
  CHECK(syscall(SYS_membarrier, 1 << 20, 0, 0) == -1 && errno == EINVAL && syscall(SYS_membarrier, 1, 5, 0) == -1 && errno == EINVAL);
}

static _Atomic int tid_word;
static int sets_its_word(void *unused) {
  (void)unused;
  syscall(SYS_set_tid_address, &tid_word);
  syscall(SYS_exit, 0);
  return 0;
}
static void a_thread_clears_its_word(void) {
  char *stack = malloc(65536);
  tid_word = 1;
  int tid = clone(sets_its_word, stack + 65536, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
  CHECK(tid > 0);
  while (tid_word) futex(&tid_word, FUTEX_WAIT, 1, NULL, NULL, 0);
  CHECK(tid_word == 0 && waitpid(tid, NULL, 0) == tid);
  CHECK(syscall(SYS_set_tid_address, &tid_word) == gettid());
}

static atomic_int cleaned;
static void clean(void *by) { atomic_fetch_add(&cleaned, (int)(long)by); }
static void *to_be_cancelled(void *kind) {
  pthread_cleanup_push(clean, (void *)1);
  if (kind) pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
  atomic_fetch_add(&started, 1);
  for (;;)
    if (!kind) pause();
  pthread_cleanup_pop(0);
  return NULL;
}
static void cancellation(void) {
  started = 0;
  for (long asynchronous = 0; asynchronous < 2; asynchronous++) {
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, to_be_cancelled, (void *)asynchronous);
    while (started <= asynchronous) sched_yield();
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
  }
  CHECK(cleaned == 2);
}

enum { Workers = 64 };
static pthread_barrier_t together;
static atomic_long sum;
static void *work(void *number) {
  for (int round = 0; round < 5; round++) {
    char *memory = malloc(10000 + (long)number);
    memset(memory, (int)(long)number, 10000);
    long partial = 0;
    for (int i = 0; i < 10000; i += 100) partial += memory[i];
    atomic_fetch_add(&sum, partial);
    free(memory);
    pthread_barrier_wait(&together);
  }
  return number;
}
static void many_at_work(void) {
  pthread_t thread[Workers];
  pthread_barrier_init(&together, NULL, Workers);
  for (long i = 0; i < Workers; i++) CHECK(pthread_create(&thread[i], NULL, work, (void *)i) == 0);
  for (long i = 0; i < Workers; i++) {
    void *result;
    CHECK(pthread_join(thread[i], &result) == 0 && result == (void *)i);
  }
  CHECK(sum == 5l * 100 * Workers * (Workers - 1) / 2);
}

int main(void) {
  bits_choose();
  operations_of_wake_op();
  inheriting_locks();
  waiters_go_on_to_a_lock();
  what_ends_such_a_wait();
  robust_lists();
  barriers();
  a_thread_clears_its_word();
  cancellation();
  many_at_work();
  printf("%d failures\n", failures);
  return failures != 0;
}
