// SPDX-License-Identifier: BSD-2-Clause
// Signals: delivery, masks, stacks, restarts, information, faults. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t got, code, value, order[8], used;
static void *volatile address;
static sigjmp_buf back;

static void note(int number) {
  got = number;
  if (used < 8) order[used++] = number;
}
static void note_info(int number, siginfo_t *info, void *context) {
  (void)context;
  note(number);
  code = info->si_code;
  value = info->si_value.sival_int;
  address = info->si_addr;
}
static void jump_info(int number, siginfo_t *info, void *context) {
  note_info(number, info, context);
  siglongjmp(back, 1);
}

static void handle(int number, void (*handler)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(number, &action, NULL);
}
static void handle_info(int number, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  sigaction(number, &action, NULL);
}

static void floats_survive(void) {
  handle(SIGUSR1, note, 0);
  volatile double a = 1.5, b = 2.25;
  register double c = a * b;
  register double d = a / b;
  for (int i = 0; i < 100; i++) {
    raise(SIGUSR1);
    c += 1;
  }
  CHECK(c == 1.5 * 2.25 + 100 && d == 1.5 / 2.25 && got == SIGUSR1);
}

static double in_handler;
static void use_floats(int number) {
  (void)number;
  volatile double x = 3.0;
  in_handler = x * x * x;
}
static void a_handler_has_its_own_floats(void) {
  handle(SIGALRM, use_floats, 0);
  struct itimerval often = {{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &often, NULL);
  volatile double sum = 0;
  for (int i = 0; i < 3000000; i++) sum += 0.5;
  struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  CHECK(sum == 1500000.0 && in_handler == 27.0);
}

static void masks_hold_back(void) {
  sigset_t set, old, pending;
  handle(SIGUSR1, note, 0);
  handle(SIGUSR2, note, 0);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGKILL);
  used = got = 0;
  sigprocmask(SIG_BLOCK, &set, &old);
  raise(SIGUSR2);
  raise(SIGUSR1);
  raise(SIGUSR1);
  CHECK(got == 0);
  sigpending(&pending);
  CHECK(sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGUSR2));
  sigprocmask(SIG_SETMASK, &old, NULL);
  CHECK(used == 2);
}

static void real_time_signals_queue_in_order(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN + 1);
  sigaddset(&set, SIGRTMIN + 2);
  sigprocmask(SIG_BLOCK, &set, NULL);
  for (int i = 0; i < 3; i++) sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 10 + i});
  sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 5});
  siginfo_t info;
  CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 1 && info.si_value.sival_int == 5 && info.si_code == SI_QUEUE && info.si_pid == getpid());
  for (int i = 0; i < 3; i++) CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 2 && info.si_value.sival_int == 10 + i);
  struct timespec soon = {0, 20000000};
  CHECK(sigtimedwait(&set, &info, &soon) == -1 && errno == EAGAIN);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void suspend_waits_with_another_mask(void) {
  sigset_t set, old, now;
  handle(SIGUSR1, note, 0);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, &old);
  raise(SIGUSR1);
  got = 0;
  CHECK(sigsuspend(&old) == -1 && errno == EINTR && got == SIGUSR1);
  sigprocmask(SIG_SETMASK, NULL, &now);
  CHECK(sigismember(&now, SIGUSR1));
  sigprocmask(SIG_SETMASK, &old, NULL);
}

static void alternate_stack(void) {
  static char stack[16384];
  stack_t wanted = {.ss_sp = stack, .ss_size = sizeof stack}, now;
  CHECK(sigaltstack(&wanted, NULL) == 0);
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == stack && now.ss_flags == 0);
  handle_info(SIGSEGV, jump_info, SA_ONSTACK);
  if (!sigsetjmp(back, 1)) *(volatile int *)0x1234 = 1;
  CHECK(got == SIGSEGV && code == SEGV_MAPERR && address == (void *)0x1234);
  void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  got = 0;
  if (!sigsetjmp(back, 1)) *(volatile int *)page = 1;
  CHECK(got == SIGSEGV && code == SEGV_ACCERR && address == page);
  wanted.ss_size = 100;
  wanted.ss_flags = 0;
  CHECK(sigaltstack(&wanted, NULL) == -1 && errno == ENOMEM);
  signal(SIGSEGV, SIG_DFL);
}

static int recurse(int depth) {
  volatile char frame[4096];
  frame[0] = (char)depth;
  return depth > 1000000 ? 0 : recurse(depth + 1) + frame[0];
}
static void stack_overflow_is_a_signal(void) {
  handle_info(SIGSEGV, jump_info, SA_ONSTACK);
  got = 0;
  if (!sigsetjmp(back, 1)) recurse(0);
  CHECK(got == SIGSEGV);
  signal(SIGSEGV, SIG_DFL);
}

static void other_faults(void) {
  handle_info(SIGILL, jump_info, 0);
  handle_info(SIGTRAP, jump_info, 0);
  got = 0;
  if (!sigsetjmp(back, 1)) __asm__ volatile(".word 0");
  CHECK(got == SIGILL && code == ILL_ILLOPC);
  if (!sigsetjmp(back, 1)) __asm__ volatile("ebreak");
  CHECK(got == SIGTRAP && code == TRAP_BRKPT);
  handle_info(SIGBUS, jump_info, 0);
  FILE *file = tmpfile();
  char *map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fileno(file), 0);
  if (map != MAP_FAILED) {
    got = 0;
    if (!sigsetjmp(back, 1)) value = map[0];
    CHECK(got == SIGBUS && code == BUS_ADRERR && address == map);
  }
}

static void *send_soon(void *to) {
  usleep(20000);
  kill(getpid(), *(int *)to);
  return NULL;
}
static void restarts(void) {
  int pipes[2], number = SIGUSR1;
  char c;
  pthread_t thread;
  sigset_t set;
  CHECK(pipe(pipes) == 0);
  handle(SIGUSR1, note, 0);
  pthread_create(&thread, NULL, send_soon, &number);
  got = 0;
  CHECK(read(pipes[0], &c, 1) == -1 && errno == EINTR && got == SIGUSR1);
  pthread_join(thread, NULL);
  handle(SIGUSR1, note, SA_RESTART);
  pid_t pid = fork();
  if (!pid) {
    usleep(20000);
    kill(getppid(), SIGUSR1);
    usleep(20000);
    write(pipes[1], "x", 1);
    _exit(0);
  }
  got = 0;
  CHECK(read(pipes[0], &c, 1) == 1 && c == 'x' && got == SIGUSR1);
  waitpid(pid, NULL, 0);

  // Stopped and continued, a sleep goes on; with a handler it says what is left.
  struct timespec begin, end, left = {0, 0}, nap = {0, 80000000};
  pid = fork();
  if (!pid) {
    clock_gettime(CLOCK_MONOTONIC, &begin);
    int result = nanosleep(&nap, NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    _exit(result == 0 && (end.tv_sec - begin.tv_sec) * 1000000000L + end.tv_nsec - begin.tv_nsec >= 80000000 ? 0 : 1);
  }
  usleep(20000);
  kill(pid, SIGSTOP);
  usleep(20000);
  kill(pid, SIGCONT);
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  sigemptyset(&set);
  pthread_create(&thread, NULL, send_soon, &number);
  nap.tv_nsec = 500000000;
  CHECK(nanosleep(&nap, &left) == -1 && errno == EINTR && left.tv_nsec > 100000000 && left.tv_nsec < 500000000);
  pthread_join(thread, NULL);
}

static void flags_of_actions(void) {
  handle(SIGUSR1, note, SA_RESETHAND);
  raise(SIGUSR1);
  struct sigaction action;
  sigaction(SIGUSR1, NULL, &action);
  CHECK(action.sa_handler == SIG_DFL);
  CHECK(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL);
  handle_info(SIGCHLD, note_info, 0);
  got = 0;
  pid_t pid = fork();
  if (!pid) _exit(3);
  while (got != SIGCHLD) usleep(1000);
  CHECK(code == CLD_EXITED);
  waitpid(pid, NULL, 0);
  signal(SIGCHLD, SIG_DFL);
  handle_info(SIGUSR1, note_info, 0);
  syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
  CHECK(code == SI_TKILL);
  kill(getpid(), SIGUSR1);
  CHECK(code == SI_USER);
  CHECK(kill(99999, 0) == -1 && errno == ESRCH);
  CHECK(kill(getpid(), 65) == -1 && errno == EINVAL);
}

static void context_can_be_changed(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  ucontext_t *where = context;
  where->uc_mcontext.__gregs[0] += 4;   // over the faulting instruction
  where->uc_mcontext.__gregs[10] = 77;  // a0
}
static void contexts(void) {
  handle_info(SIGSEGV, context_can_be_changed, 0);
  register long a0 __asm__("a0") = 0;
  __asm__ volatile(".option push\n.option norvc\nld a0, 0(zero)\n.option pop" : "+r"(a0));
  CHECK(a0 == 77);
  signal(SIGSEGV, SIG_DFL);
}

static void a_signal_to_process_1_reaches_nobody_and_root_alone_may_send_it(void) {
  union sigval none = {0};
  pid_t pid = fork();
  if (!pid) {
    CHECK(kill(1, 0) == 0 && sigqueue(1, 0, none) == 0);
    CHECK(setuid(65534) == 0);
    CHECK(kill(1, 0) == -1 && errno == EPERM);
    CHECK(sigqueue(1, 0, none) == -1 && errno == EPERM);
    CHECK(kill(1, SIGKILL) == -1 && errno == EPERM);
    _exit(failures);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void) {
  floats_survive();
  a_handler_has_its_own_floats();
  masks_hold_back();
  real_time_signals_queue_in_order();
  suspend_waits_with_another_mask();
  alternate_stack();
  stack_overflow_is_a_signal();
  other_faults();
  restarts();
  flags_of_actions();
  contexts();
  a_signal_to_process_1_reaches_nobody_and_root_alone_may_send_it();
  printf("%d failures\n", failures);
  return failures != 0;
}
