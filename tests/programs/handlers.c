// SPDX-License-Identifier: BSD-2-Clause
// Signals in the finer points: flags of actions, nested and disarmed stacks, which calls go on after a handler, faults and their addresses,
// descriptors that raise signals. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static volatile sig_atomic_t got, code, depth, most;
static volatile long fd_of, band;
static void *volatile address;
static sigjmp_buf back;

static void note(int number) { got = number; }
static void note_info(int number, siginfo_t *info, void *context) {
  (void)context;
  got = number;
  code = info->si_code;
  fd_of = info->si_fd;
  band = info->si_band;
}
static void jump(int number, siginfo_t *info, void *context) {
  (void)context;
  got = number;
  code = info->si_code;
  address = info->si_addr;
  siglongjmp(back, 1);
}
static void handle(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  CHECK(sigaction(number, &action, NULL) == 0);
}
static void handle_info(int number, void (*handler)(int, siginfo_t *, void *), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
  CHECK(sigaction(number, &action, NULL) == 0);
}

static void raise_again(int number) {
  if (++depth > most) most = depth;
  if (depth < 3) raise(number);
  depth--;
}
static void a_signal_holds_itself_back_or_not(void) {
  handle(SIGUSR1, raise_again, SA_NODEFER);
  raise(SIGUSR1);
  CHECK(most == 3);
  most = depth = 0;
  struct sigaction action = {.sa_handler = raise_again};
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGUSR1, SIG_DFL);
  CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
}

static void children_say_what_is_wanted(void) {
  handle(SIGCHLD, note, SA_NOCLDSTOP);
  got = 0;
  pid_t pid = fork();
  if (!pid)
    for (;;) pause();
  kill(pid, SIGSTOP);
  CHECK(waitpid(pid, NULL, WUNTRACED) == pid && got == 0);
  handle_info(SIGCHLD, note_info, 0);
  kill(pid, SIGCONT);
  CHECK(waitpid(pid, NULL, WCONTINUED) == pid);
  for (int i = 0; i < 1000 && !got; i++) usleep(1000);  // Linux tells who waits first
  CHECK(got == SIGCHLD && code == CLD_CONTINUED);
  kill(pid, SIGKILL);
  CHECK(waitpid(pid, NULL, 0) == pid);
  handle_info(SIGCHLD, note_info, SA_NOCLDWAIT);
  got = 0;
  pid = fork();
  if (!pid) _exit(5);
  CHECK(waitpid(pid, NULL, 0) == -1 && errno == ECHILD && got == SIGCHLD && code == CLD_EXITED);
  signal(SIGCHLD, SIG_DFL);
}

static char alternate[32768], second[32768];
static volatile int within, flags_within, changed;
static void look_at_stack(int number) {
  (void)number;
  char here;
  stack_t now, other = {.ss_sp = second, .ss_size = sizeof second};
  sigaltstack(NULL, &now);
  flags_within = now.ss_flags;
  within = &here >= alternate && &here < alternate + sizeof alternate;
  changed = sigaltstack(&other, NULL) == 0 ? 0 : errno;
}
static void nested(int number) {
  char here;
  depth++;
  if (number == SIGUSR1) raise(SIGUSR2);
  if (&here >= alternate && &here < alternate + sizeof alternate) most++;
}
static void stacks_of_signals(void) {
  stack_t wanted = {.ss_sp = alternate, .ss_size = sizeof alternate}, now;
  handle(SIGUSR1, look_at_stack, SA_ONSTACK);
  CHECK(sigaltstack(&wanted, NULL) == 0);
  raise(SIGUSR1);
  CHECK(within && flags_within == SS_ONSTACK && changed == EPERM);
  depth = most = 0;
  handle(SIGUSR1, nested, SA_ONSTACK);
  handle(SIGUSR2, nested, SA_ONSTACK);
  raise(SIGUSR1);
  CHECK(depth == 2 && most == 2);
  // A stack that disarms itself is none while its handler runs, and is back afterwards.
  wanted.ss_flags = (int)SS_AUTODISARM;
  CHECK(sigaltstack(&wanted, NULL) == 0);
  handle(SIGUSR1, look_at_stack, SA_ONSTACK);
  raise(SIGUSR1);
  CHECK(within && flags_within == SS_DISABLE && changed == 0);
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == alternate && now.ss_flags == (int)SS_AUTODISARM);
  wanted.ss_flags = 77;
  CHECK(sigaltstack(&wanted, NULL) == -1 && errno == EINVAL);
  wanted.ss_flags = SS_DISABLE;
  CHECK(sigaltstack(&wanted, NULL) == 0 && sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE);
}

static unsigned rounding(void) {
  unsigned mode;
  __asm__ volatile("frrm %0" : "=r"(mode));
  return mode;
}
static volatile unsigned rounding_within;
static void change_rounding(int number) {
  (void)number;
  rounding_within = rounding();
  __asm__ volatile("fsrmi 1\n fmv.d.x fs0, zero" ::: "fs0");
}
static void rounding_is_restored(void) {
  handle(SIGUSR1, change_rounding, 0);
  __asm__ volatile("fsrmi 2");
  raise(SIGUSR1);
  unsigned after = rounding();
  __asm__ volatile("fsrmi 0");
  CHECK(rounding_within == 2 && after == 2);
}

static void faults(void) {
  for (int number = SIGILL; number <= SIGSEGV; number++)
    if (number == SIGILL || number == SIGBUS || number == SIGTRAP || number == SIGSEGV || number == SIGFPE) handle_info(number, jump, 0);
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  got = 0;
  if (!sigsetjmp(back, 1)) ((void (*)(void))page)();
  CHECK(got == SIGSEGV && code == SEGV_ACCERR && address == page);
  got = 0;
  if (!sigsetjmp(back, 1)) ((void (*)(void))0x1000)();
  CHECK(got == SIGSEGV && code == SEGV_MAPERR && address == (void *)0x1000);
  got = 0;
  if (!sigsetjmp(back, 1)) *(volatile char *)0xffffffff80000000 = 1;
  CHECK(got == SIGSEGV && code == SEGV_MAPERR && address == (void *)0xffffffff80000000);
  got = 0;
  if (!sigsetjmp(back, 1)) *(volatile char *)0x4000000000000000 = 1;
  CHECK(got == SIGSEGV);
  mprotect(page, 4096, PROT_NONE);
  got = 0;
  if (!sigsetjmp(back, 1)) (void)*(volatile char *)(page + 9);
  CHECK(got == SIGSEGV && code == SEGV_ACCERR && address == page + 9);
  int fd = memfd_create("short", 0);
  CHECK(ftruncate(fd, 100) == 0);
  char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  got = 0;
  if (!sigsetjmp(back, 1)) map[4096] = 1;
  CHECK(got == SIGBUS && code == BUS_ADRERR && address == map + 4096);
  map[4000] = 1;
  CHECK(read(fd, map + 4096, 1) == -1 && errno == EFAULT);
  volatile int zero = 0, one = 1;
  got = 0;
  CHECK(one / zero == -1 && got == 0);
  if (!sigsetjmp(back, 1)) __asm__ volatile(".word 0xffffffff");
  CHECK(got == SIGILL && code == ILL_ILLOPC);
  if (!sigsetjmp(back, 1)) __asm__ volatile("csrr t0, sstatus" ::: "t0");
  CHECK(got == SIGILL && code == ILL_ILLOPC);
  // A fault that is blocked or ignored ends the process all the same.
  for (int ignored = 0; ignored < 2; ignored++) {
    pid_t pid = fork();
    if (!pid) {
      sigset_t set;
      sigfillset(&set);
      if (ignored) signal(SIGSEGV, SIG_IGN);
      else sigprocmask(SIG_BLOCK, &set, NULL);
      *(volatile int *)8 = 1;
      _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  }
  close(fd);
}

// Each call waits for what never comes, until a signal: 1 goes on after a handler with SA_RESTART, 0 fails with EINTR all the same.
static int pipes[2], pair[2], server, queue, message_queue, semaphores, full[2], locked, word;
static char page_of_bytes[4096];
static long call_read(void) { return read(pipes[0], page_of_bytes, 1); }
static long call_write(void) { return write(full[1], page_of_bytes, 4096); }
static long call_open_fifo(void) { return open("/tmp/handlers-fifo", O_RDONLY); }
static long call_wait(void) { return wait4(-1, NULL, __WALL, NULL); }
static long call_waitid(void) { siginfo_t i; return waitid(P_ALL, 0, &i, WEXITED); }
static long call_recv(void) { return recv(pair[0], page_of_bytes, 1, 0); }
static long call_recv_timeout(void) {
  struct timeval t = {9, 0};
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
  long r = recv(pair[0], page_of_bytes, 1, 0);
  int e = errno;
  t.tv_sec = 0;
  setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
  errno = e;
  return r;
}
static long call_accept(void) { return accept(server, NULL, NULL); }
static long call_futex(void) { return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0); }
static long call_flock(void) { return flock(locked, LOCK_EX); }
static long call_setlkw(void) { struct flock l = {.l_type = F_WRLCK}; return fcntl(locked, F_SETLKW, &l); }
static long call_mq(void) { return mq_receive(queue, page_of_bytes, sizeof page_of_bytes, NULL); }
static long call_poll(void) { struct pollfd p = {pipes[0], POLLIN, 0}; return poll(&p, 1, -1); }
static long call_ppoll(void) { struct pollfd p = {pipes[0], POLLIN, 0}; return ppoll(&p, 1, NULL, NULL); }
static long call_select(void) { fd_set s; FD_ZERO(&s); FD_SET(pipes[0], &s); return select(pipes[0] + 1, &s, NULL, NULL, NULL); }
static long call_epoll(void) {
  int e = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event v = {.events = EPOLLIN};
  epoll_ctl(e, EPOLL_CTL_ADD, pipes[0], &v);
  long r = epoll_wait(e, &v, 1, -1);
  int saved = errno;
  close(e);
  errno = saved;
  return r;
}
static long call_msgrcv(void) { struct { long type; char text[8]; } m; return msgrcv(message_queue, &m, 8, 0, 0); }
static long call_semop(void) { struct sembuf op = {0, -1, 0}; return semop(semaphores, &op, 1); }
static long call_pause(void) { return pause(); }
static long call_sigwait(void) { sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR2); return syscall(SYS_rt_sigtimedwait, &s, NULL, NULL, 8); }
static long call_nanosleep(void) { struct timespec t = {9, 0}; return nanosleep(&t, NULL); }
static long call_clock_nanosleep(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_sec += 9;
  errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
  return errno ? -1 : 0;
}

static volatile int *handled;  // seen by the parent
static void note_handled(int number) {
  got = number;
  *handled = 1;
}

static void restartable_calls(void) {
  static const struct { const char *name; long (*call)(void); int restarts; } calls[] = {
      {"read", call_read, 1}, {"write", call_write, 1}, {"open of a FIFO", call_open_fifo, 1}, {"wait4", call_wait, 1}, {"waitid", call_waitid, 1},
      {"recv", call_recv, 1}, {"accept", call_accept, 1}, {"futex", call_futex, 1}, {"flock", call_flock, 1}, {"F_SETLKW", call_setlkw, 1}, {"mq_receive", call_mq, 1},
      {"recv with a timeout", call_recv_timeout, 0}, {"poll", call_poll, 0}, {"ppoll", call_ppoll, 0}, {"select", call_select, 0}, {"epoll_wait", call_epoll, 0},
      {"msgrcv", call_msgrcv, 0}, {"semop", call_semop, 0}, {"pause", call_pause, 0}, {"sigwaitinfo", call_sigwait, 0}, {"nanosleep", call_nanosleep, 0},
      {"clock_nanosleep", call_clock_nanosleep, 0}};
  CHECK(pipe(pipes) == 0 && pipe2(full, O_NONBLOCK) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  while (write(full[1], page_of_bytes, sizeof page_of_bytes) > 0) {
  }
  fcntl(full[1], F_SETFL, 0);
  server = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr address = {.sa_family = AF_UNIX};
  CHECK(bind(server, &address, sizeof(sa_family_t)) == 0 && listen(server, 1) == 0);
  struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 64};
  queue = mq_open("/handlers", O_RDWR | O_CREAT, 0600, &attributes);
  mq_unlink("/handlers");
  message_queue = msgget(IPC_PRIVATE, 0600);
  semaphores = semget(IPC_PRIVATE, 1, 0600);
  unlink("/tmp/handlers-fifo");
  CHECK(mkfifo("/tmp/handlers-fifo", 0600) == 0);
  handled = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char path[] = "/tmp/handlers-XXXXXX";
  int holder = mkstemp(path);
  locked = open(path, O_RDWR);
  CHECK(flock(holder, LOCK_EX) == 0);
  struct flock whole = {.l_type = F_WRLCK};
  CHECK(fcntl(holder, F_SETLK, &whole) == 0);
  unlink(path);
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    for (int flag = 0; flag < 2; flag++) {
      // A call that goes on is still there after the handler, when a second signal ends the process.
      *handled = 0;
      pid_t pid = fork();
      if (!pid) {
        struct itimerval soon = {{0, 0}, {0, 20000}};
        handle(SIGALRM, note_handled, flag ? SA_RESTART : 0);
        if (calls[i].call == call_wait || calls[i].call == call_waitid) {
          if (!fork()) {
            alarm(0);
            usleep(60000);
            _exit(0);
          }
        }
        setitimer(ITIMER_REAL, &soon, NULL);
        long result = calls[i].call();
        _exit(result == -1 && errno == EINTR ? 1 : result >= 0 ? 2 : 3);
      }
      int status, wanted = flag && calls[i].restarts;
      for (int waited = 0, after = 0; waitpid(pid, &status, WNOHANG) == 0; waited++) {
        usleep(5000);
        if ((wanted && *handled && ++after == 4) || waited == 2000) kill(pid, SIGKILL);
      }
      int went_on = WIFSIGNALED(status) || WEXITSTATUS(status) == 2;
      if (went_on != wanted || (WIFEXITED(status) && WEXITSTATUS(status) == 3)) {
        printf("%s with%s SA_RESTART: status %x\n", calls[i].name, flag ? "" : "out", status);
        failures++;
      }
    }
  msgctl(message_queue, IPC_RMID, NULL);
  semctl(semaphores, 0, IPC_RMID);
  unlink("/tmp/handlers-fifo");
}

static void descriptors_raise_signals(void) {
  int p[2], s[2];
  CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  handle_info(SIGIO, note_info, 0);
  handle_info(SIGRTMIN + 3, note_info, 0);
  CHECK(fcntl(s[0], F_GETOWN) == 0 && fcntl(s[0], F_GETSIG) == 0);
  CHECK(fcntl(s[0], F_SETOWN, getpid()) == 0 && fcntl(s[0], F_GETOWN) == getpid());
  CHECK(fcntl(s[0], F_SETOWN, 999999) == -1 && errno == ESRCH);
  CHECK(fcntl(s[0], F_SETSIG, 99) == -1 && errno == EINVAL);
  got = 0;
  CHECK(write(s[1], "x", 1) == 1 && got == 0);
  CHECK(fcntl(s[0], F_SETFL, O_ASYNC) == 0 && fcntl(s[0], F_GETFL) == (O_RDWR | O_ASYNC));
  CHECK(write(s[1], "x", 1) == 1 && got == SIGIO && code == SI_KERNEL);
  // With a signal of its own, which one and why is told.
  CHECK(fcntl(s[0], F_SETSIG, SIGRTMIN + 3) == 0 && fcntl(s[0], F_GETSIG) == SIGRTMIN + 3);
  got = 0;
  CHECK(write(s[1], "x", 1) == 1 && got == SIGRTMIN + 3 && code == POLL_IN && fd_of == s[0] && band == (POLLIN | POLLRDNORM));
  CHECK(fcntl(s[0], F_SETFL, 0) == 0);
  got = 0;
  CHECK(write(s[1], "x", 1) == 1 && got == 0);
  int on = 1;
  CHECK(ioctl(s[0], FIOASYNC, &on) == 0 && fcntl(s[0], F_GETFL) & O_ASYNC);
  // A pipe: when something comes, and when there is room.
  CHECK(fcntl(p[0], F_SETOWN, getpid()) == 0 && fcntl(p[0], F_SETFL, O_ASYNC) == 0);
  got = 0;
  CHECK(write(p[1], "x", 1) == 1 && got == SIGIO);
  char byte;
  CHECK(fcntl(p[1], F_SETOWN, getpid()) == 0 && fcntl(p[1], F_SETFL, O_ASYNC | O_NONBLOCK) == 0);
  while (write(p[1], page_of_bytes, sizeof page_of_bytes) > 0) {
  }
  got = 0;
  while (read(p[0], page_of_bytes, sizeof page_of_bytes) == sizeof page_of_bytes && !got) {
  }
  CHECK(got == SIGIO);
  // A group, and a thread.
  struct f_owner_ex owner = {F_OWNER_TID, gettid()}, seen;
  CHECK(fcntl(s[0], F_SETOWN_EX, &owner) == 0 && fcntl(s[0], F_GETOWN_EX, &seen) == 0 && seen.type == F_OWNER_TID && seen.pid == gettid());
  got = 0;
  CHECK(write(s[1], "x", 1) == 1 && got == SIGRTMIN + 3);
  CHECK(fcntl(s[0], F_SETOWN, -getpgrp()) == 0 && fcntl(s[0], F_GETOWN_EX, &seen) == 0 && seen.type == F_OWNER_PGRP && seen.pid == getpgrp());
  got = 0;
  CHECK(write(s[1], "x", 1) == 1 && got == SIGRTMIN + 3);
  owner.type = 9;
  CHECK(fcntl(s[0], F_SETOWN_EX, &owner) == -1 && errno == EINVAL);
  got = 0;
  close(s[1]);
  CHECK(got == SIGRTMIN + 3);
  // A file cannot.
  int fd = memfd_create("file", 0);
  CHECK(fcntl(fd, F_SETFL, O_ASYNC) == 0 && !(fcntl(fd, F_GETFL) & O_ASYNC));
  (void)byte;
  close(fd), close(s[0]), close(p[0]), close(p[1]);
}

static timer_t to_thread(pid_t thread, int number) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
  event.sigev_notify_thread_id = thread;
  timer_t timer = 0;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  return timer;
}
static _Thread_local volatile sig_atomic_t mine;
static void note_mine(int number) { mine = number; }
static void *wait_for_timer(void *unused) {
  timer_t timer = to_thread(gettid(), SIGRTMIN + 4);
  struct itimerspec soon = {{0, 0}, {0, 5000000}};
  timer_settime(timer, 0, &soon, NULL);
  for (int i = 0; i < 1000 && !mine; i++) usleep(1000);
  timer_delete(timer);
  return (void *)(long)mine;
}
static void timers_of_one_thread_and_of_none(void) {
  handle(SIGRTMIN + 4, note_mine, 0);
  pthread_t thread;
  void *result;
  pthread_create(&thread, NULL, wait_for_timer, NULL);
  pthread_join(thread, &result);
  CHECK((long)result == SIGRTMIN + 4 && mine == 0);
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
  event.sigev_notify_thread_id = 1;
  timer_t timer;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
  event.sigev_notify = SIGEV_NONE;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  struct itimerspec late = {{0, 0}, {1000, 0}}, soon = {{0, 0}, {0, 10000000}}, left;
  CHECK(timer_settime(timer, 0, &late, NULL) == 0 && timer_gettime(timer, &left) == 0 && left.it_value.tv_sec >= 900);
  CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
  usleep(30000);
  CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec == 0 && timer_getoverrun(timer) == 0);
  timer_delete(timer);
  event.sigev_notify = 77;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == -1 && errno == EINVAL);
  struct itimerval profile = {{0, 1000}, {0, 1000}}, none = {{0, 0}, {0, 0}};
  handle(SIGPROF, note, 0);
  got = 0;
  CHECK(setitimer(ITIMER_PROF, &profile, NULL) == 0);
  for (time_t end = time(NULL) + 3; !got && time(NULL) < end;) getppid();
  CHECK(got == SIGPROF);
  setitimer(ITIMER_PROF, &none, NULL);
}

int main(void) {
  a_signal_holds_itself_back_or_not();
  children_say_what_is_wanted();
  stacks_of_signals();
  rounding_is_restored();
  faults();
  restartable_calls();
  descriptors_raise_signals();
  timers_of_one_thread_and_of_none();
  printf("%d failures\n", failures);
  return failures != 0;
}
