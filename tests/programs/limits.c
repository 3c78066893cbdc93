// SPDX-License-Identifier: BSD-2-Clause
// Limits that are enforced, who may do what, scheduling. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char directory[] = "/limits-XXXXXX";

// In a child of its own: what it finds wrong is counted.
static void apart(void (*check)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    failures = 0;
    check();
    fflush(stdout);
    _exit(failures);
  }
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  failures += WEXITSTATUS(status);
}

static void limit(int what, rlim_t soft, rlim_t hard) {
  struct rlimit l = {soft, hard};
  CHECK(setrlimit(what, &l) == 0);
}

static volatile sig_atomic_t got;
static void note(int number) { got = number; }

static void descriptors(void) {
  limit(RLIMIT_NOFILE, 20, 30);
  int last = -1, n;
  while ((n = dup(0)) >= 0) last = n;
  CHECK(errno == EMFILE && last == 19);
  CHECK(dup2(0, 20) == -1 && errno == EBADF);
  CHECK(fcntl(0, F_DUPFD, 20) == -1 && errno == EINVAL);
  CHECK(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
  struct pollfd many[40] = {{0, 0, 0}};
  CHECK(poll(many, 31, 0) == -1 && errno == EINVAL);
  int p[2];
  CHECK(pipe(p) == -1 && errno == EMFILE);
  struct rlimit more = {30, 31};
  CHECK(setuid(1000) == 0 && setrlimit(RLIMIT_NOFILE, &more) == -1 && errno == EPERM);
  more.rlim_max = 30;
  CHECK(setrlimit(RLIMIT_NOFILE, &more) == 0 && dup(0) == 20);
}

static void size_of_files(void) {
  char bytes[100] = "";
  char path[64];
  snprintf(path, sizeof path, "%s/size", directory);
  int fd = open(path, O_CREAT | O_RDWR, 0600);
  signal(SIGXFSZ, note);
  limit(RLIMIT_FSIZE, 150, RLIM_INFINITY);
  CHECK(write(fd, bytes, 100) == 100 && write(fd, bytes, 100) == 50 && got == 0);
  CHECK(write(fd, bytes, 1) == -1 && errno == EFBIG && got == SIGXFSZ);
  got = 0;
  CHECK(ftruncate(fd, 151) == -1 && errno == EFBIG && got == SIGXFSZ);
  got = 0;
  CHECK(fallocate(fd, 0, 0, 200) == -1 && errno == EFBIG && got == SIGXFSZ);
  CHECK(ftruncate(fd, 150) == 0);
  signal(SIGXFSZ, SIG_IGN);
  CHECK(pwrite(fd, bytes, 1, 200) == -1 && errno == EFBIG);
  pid_t pid = fork();
  if (!pid) {
    signal(SIGXFSZ, SIG_DFL);
    pwrite(fd, bytes, 1, 200);
    _exit(0);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
}

static void memory(void) {
  limit(RLIMIT_AS, 64 << 20, RLIM_INFINITY);
  CHECK(mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM);
  char *some = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(some != MAP_FAILED && mremap(some, 1 << 20, 128 << 20, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
  void *old = sbrk(0);
  CHECK(syscall(SYS_brk, (char *)old + (128 << 20)) == (long)old);
}

static size_t data_kib(void) {
  char line[256];
  size_t kib = 0;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f)) sscanf(line, "VmData: %zu", &kib);
  fclose(f);
  return kib;
}
static void *private(size_t bytes, int protection) { return mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void data(void) {
  size_t used = data_kib() << 10;
  limit(RLIMIT_DATA, used + (8 << 20), RLIM_INFINITY);
  char *none = private(16 << 20, PROT_NONE), *some = MAP_FAILED;
  CHECK(none != MAP_FAILED && private(16 << 20, PROT_READ) != MAP_FAILED);
  CHECK(mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
  CHECK(private(16 << 20, PROT_READ | PROT_WRITE) == MAP_FAILED && errno == ENOMEM);
  CHECK(mprotect(none, 16 << 20, PROT_READ | PROT_WRITE) == -1 && errno == ENOMEM);
  CHECK(mprotect(none, 4 << 20, PROT_READ | PROT_WRITE) == 0 && data_kib() << 10 == used + (4 << 20));
  CHECK(private(5 << 20, PROT_READ | PROT_WRITE) == MAP_FAILED && (some = private(3 << 20, PROT_READ | PROT_WRITE)) != MAP_FAILED);
  CHECK(mremap(some, 3 << 20, 5 << 20, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
  // What takes the place of as much is no more, and what a part gives back is there again.
  CHECK(mmap(some, 3 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == some);
  CHECK(munmap(some + (1 << 20), 1 << 20) == 0 && data_kib() << 10 == used + (6 << 20));
  pid_t pid = fork();
  if (!pid) _exit(!(data_kib() << 10 == used + (6 << 20) && private(3 << 20, PROT_WRITE) == MAP_FAILED && private(1 << 20, PROT_WRITE) != MAP_FAILED));
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  void *old = sbrk(0);
  CHECK(syscall(SYS_brk, (char *)old + (9 << 20)) == (long)old && syscall(SYS_brk, (char *)old + (1 << 20)) == (long)old + (1 << 20));
  // A soft limit of none stops brk() alone, as far as the hard one goes.
  limit(RLIMIT_DATA, 0, used + (16 << 20));
  CHECK(syscall(SYS_brk, (char *)old + (2 << 20)) == (long)old + (1 << 20));
  CHECK(private(4 << 20, PROT_READ | PROT_WRITE) != MAP_FAILED && private(8 << 20, PROT_READ | PROT_WRITE) == MAP_FAILED);
}

static sigjmp_buf back;
static void *volatile fault;
static void jump(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  fault = info->si_addr;
  siglongjmp(back, 1);
}
static int recurse(int depth) {
  volatile char frame[4096];
  frame[depth & 4095] = (char)depth;
  return depth > 100000 ? 0 : recurse(depth + 1) + frame[depth & 4095];
}
static int stack(void) {
  static char alternate[16384];
  stack_t other = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&other, NULL);
  struct sigaction action = {.sa_sigaction = jump, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &action, NULL);
  char here;
  if (!sigsetjmp(back, 1)) recurse(0);
  long depth = &here - (char *)fault;
  CHECK(depth > 2900 << 10 && depth < 3100 << 10);
  // The limit counts as it is, not as it was when the program began.
  for (int mib = 5; mib > 3; mib--) {
    limit(RLIMIT_STACK, (rlim_t)mib << 20, RLIM_INFINITY);
    pid_t pid = fork();
    if (!pid) {
      if (!sigsetjmp(back, 1)) recurse(0);
      depth = &here - (char *)fault;
      CHECK(depth > ((long)mib << 20) - (100 << 10) && depth < ((long)mib << 20) + (100 << 10));
      fflush(stdout);
      _exit(failures);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  }
  return failures;
}

static char self[256];
static void stack_of_a_new_program(void) {
  limit(RLIMIT_STACK, 3 << 20, RLIM_INFINITY);
  execl(self, self, "--stack", NULL);
  _exit(99);
}

static void processes(void) {
  limit(RLIMIT_NPROC, 3, 3);
  pid_t pid = fork();  // not for user 0
  if (!pid) _exit(0);
  CHECK(pid > 0 && waitpid(pid, NULL, 0) == pid);
  CHECK(setgid(4321) == 0 && setuid(4321) == 0);
  pid_t child[8];
  int n = 0;
  while (n < 8 && (child[n] = fork()) >= 0) {
    if (!child[n]) {
      pause();
      _exit(0);
    }
    n++;
  }
  CHECK(n == 2 && errno == EAGAIN);
  while (n--) kill(child[n], SIGKILL), waitpid(child[n], NULL, 0);
}

static void accepted_limits(void) {
  struct rlimit l;
  limit(RLIMIT_CORE, 0, RLIM_INFINITY);
  CHECK(getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_cur == 0);
  CHECK(getrlimit(99, &l) == -1 && errno == EINVAL);
  CHECK(prlimit(getppid(), RLIMIT_NOFILE, NULL, &l) == 0 && l.rlim_cur > 0);
  CHECK(prlimit(99999, RLIMIT_NOFILE, NULL, &l) == -1 && errno == ESRCH);
  limit(RLIMIT_CPU, 1, 2);
  signal(SIGXCPU, note);
  got = 0;
  while (!got) {
  }
  CHECK(got == SIGXCPU);
  pid_t pid = fork();
  if (!pid) {
    limit(RLIMIT_CPU, 1, 1);
    for (;;) {
    }
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static uint64_t capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  CHECK(syscall(SYS_capget, &header, sets) == 0);
  return sets[0].effective | (uint64_t)sets[1].effective << 32;
}

static void users_change(void) {
  uid_t r, e, s;
  CHECK(capabilities() & 1 << CAP_CHOWN);
  CHECK(setresuid(1000, 1001, 1002) == 0 && getresuid(&r, &e, &s) == 0 && r == 1000 && e == 1001 && s == 1002);
  CHECK(capabilities() == 0);
  CHECK(setuid(0) == -1 && errno == EPERM && seteuid(1002) == 0 && geteuid() == 1002);
  CHECK(setreuid(-1, 1003) == -1 && errno == EPERM && setreuid(1002, 1000) == 0);
  CHECK(getresuid(&r, &e, &s) == 0 && r == 1002 && e == 1000 && s == 1000);
  CHECK(setfsuid(1002) == 1000 && setfsuid(7) == 1002 && setfsuid(-1) == 1002);
  CHECK(setgid(5) == -1 && errno == EPERM && setgroups(0, NULL) == -1 && errno == EPERM);
  CHECK(kill(1, 0) == -1 && errno == EPERM && kill(getppid(), SIGTERM) == -1 && errno == EPERM);
}
static void groups_give_access(void) {
  char path[64];
  snprintf(path, sizeof path, "%s/group", directory);
  close(open(path, O_CREAT | O_RDWR, 0600));
  CHECK(chown(path, 0, 77) == 0 && chmod(path, 0640) == 0);
  gid_t groups[2] = {55, 77}, seen[4];
  CHECK(setgroups(2, groups) == 0 && getgroups(4, seen) == 2 && getgroups(0, NULL) == 2);
  CHECK(getgroups(1, seen) == -1 && errno == EINVAL);
  CHECK(setgid(1000) == 0 && setuid(1000) == 0);
  CHECK(open(path, O_RDONLY) >= 0 && open(path, O_RDWR) == -1 && errno == EACCES);
}
static void set_id_bits_are_cleared(void) {
  char path[64];
  struct stat st;
  snprintf(path, sizeof path, "%s/bits", directory);
  int fd = open(path, O_CREAT | O_RDWR, 0600);
  CHECK(fchmod(fd, 06777) == 0 && fchown(fd, 1000, 1000) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0777);
  CHECK(fchmod(fd, 06767) == 0 && fchown(fd, 1000, 1000) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 02767);
  CHECK(fchmod(fd, 06777) == 0 && setgid(1000) == 0 && setuid(1000) == 0);
  CHECK(write(fd, "x", 1) == 1 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0777);
  CHECK(fchmod(fd, 06777) == 0 && ftruncate(fd, 0) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0777);
  // Whose group one is not in: no set-group-ID bit.
  CHECK(fchown(fd, 1001, -1) == -1 && errno == EPERM && fchown(fd, -1, 55) == -1 && errno == EPERM && fchown(fd, 1000, 1000) == 0);
}
static void programs_with_set_id(void) {
  char path[64], command[400];
  snprintf(path, sizeof path, "%s/setuid", directory);
  int from = open(self, O_RDONLY), to = open(path, O_CREAT | O_WRONLY, 0755);
  for (ssize_t n; (n = read(from, command, sizeof command)) > 0;) CHECK(write(to, command, (size_t)n) == n);
  close(from), close(to);
  CHECK(chown(path, 1234, 5678) == 0 && chmod(path, 06755) == 0);
  for (int barred = 0; barred < 2; barred++) {
    pid_t pid = fork();
    if (!pid) {
      if (setgid(1000) || setuid(1000)) _exit(90);
      if (barred) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      execl(path, path, barred ? "--barred" : "--setuid", NULL);
      _exit(91);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  }
}

static void *be_nice(void *unused) {
  (void)unused;
  setpriority(PRIO_PROCESS, 0, 7);
  return (void *)(long)getpriority(PRIO_PROCESS, 0);
}

// ioprio_set(2), for which there is no header: a class above bit 13, a level below.
static void io_priorities(void) {
  enum { Process = 1, Group, RealTime = 1 << 13, BestEffort = 2 << 13, Idle = 3 << 13 };
  CHECK(syscall(SYS_ioprio_set, Process, 0, BestEffort | 6) == 0 && syscall(SYS_ioprio_get, Process, 0) == (BestEffort | 6));
  CHECK(syscall(SYS_ioprio_get, Process, getpid()) == (BestEffort | 6) && setpgid(0, 0) == 0 && syscall(SYS_ioprio_get, Group, 0) == (BestEffort | 6));
  pid_t pid = fork();
  if (!pid) {
    CHECK(syscall(SYS_ioprio_get, Process, 0) == (BestEffort | 6));
    CHECK(syscall(SYS_ioprio_set, Process, 0, RealTime | 3) == 0 && syscall(SYS_ioprio_get, Group, 0) == (RealTime | 3));
    CHECK(syscall(SYS_ioprio_set, Process, 0, Idle) == 0 && syscall(SYS_ioprio_get, Process, 0) == Idle);
    CHECK(setuid(1000) == 0 && syscall(SYS_ioprio_set, Process, 0, RealTime) == -1 && errno == EPERM);
    CHECK(syscall(SYS_ioprio_set, Process, getppid(), Idle) == -1 && errno == EPERM);
    _exit(failures);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  CHECK(syscall(SYS_ioprio_set, Process, 0, 1) == -1 && errno == EINVAL);
  CHECK(syscall(SYS_ioprio_set, Process, 0, 4 << 13) == -1 && errno == EINVAL && syscall(SYS_ioprio_get, 0, 0) == -1 && errno == EINVAL);
  CHECK(syscall(SYS_ioprio_get, Process, 99999) == -1 && errno == ESRCH);
}

// More descriptors than anyone has without asking: up to fs.nr_open.
static void many_descriptors(void) {
  struct rlimit l = {20000, 20000};
  CHECK(setrlimit(RLIMIT_NOFILE, &l) == 0);
  int first = open("/dev/null", O_RDWR), pair[2];
  CHECK(dup2(first, 19999) == 19999 && dup2(first, 20000) == -1 && errno == EBADF && fcntl(19998, F_GETFD) == -1 && errno == EBADF);
  for (int fd = first + 1; fd < 10000; fd++)
    if (dup(first) != fd) CHECK(!"the lowest free descriptor");
  CHECK(pipe2(pair, O_CLOEXEC) == 0 && pair[0] == 10000 && fcntl(pair[1], F_GETFD) == FD_CLOEXEC && write(pair[1], "x", 1) == 1);
  struct pollfd wait = {.fd = pair[0], .events = POLLIN};
  CHECK(poll(&wait, 1, 0) == 1 && wait.revents == POLLIN);
  pid_t pid = fork();
  char byte = 0;
  if (!pid) _exit(read(10000, &byte, 1) == 1 && byte == 'x' && write(19999, "y", 1) == 1 && close(9999) == 0 ? 0 : 1);
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0 && write(9999, "y", 1) == 1);
  CHECK(syscall(SYS_close_range, 5000, 19998, 0) == 0 && fcntl(pair[0], F_GETFD) == -1 && fcntl(19999, F_GETFD) == 0 && dup(first) == 5000);
  CHECK(syscall(SYS_close_range, first, ~0u, 0) == 0 && fcntl(19999, F_GETFD) == -1);
  l.rlim_max = (1 << 20) + 1;
  CHECK(setrlimit(RLIMIT_NOFILE, &l) == -1 && errno == EPERM);
  l.rlim_cur = l.rlim_max = 1 << 20;
  CHECK(setrlimit(RLIMIT_NOFILE, &l) == 0);
}

static void scheduling(void) {
  struct sched_param param = {0};
  CHECK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_RR) == 1 && sched_get_priority_max(SCHED_OTHER) == 0);
  CHECK(sched_get_priority_max(77) == -1 && errno == EINVAL);
  CHECK(syscall(SYS_sched_getscheduler, 0) == SCHED_OTHER);
  param.sched_priority = 5;
  CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param) == -1 && errno == EINVAL);
  CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_RR, &param) == 0 && syscall(SYS_sched_getscheduler, 0) == SCHED_RR);
  param.sched_priority = 0;
  CHECK(syscall(SYS_sched_getparam, 0, &param) == 0 && param.sched_priority == 5);
  struct timespec slice;
  CHECK(syscall(SYS_sched_rr_get_interval, 0, &slice) == 0 && slice.tv_sec == 0 && slice.tv_nsec > 0);
  param.sched_priority = 0;
  CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &param) == 0 && syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &param) == 0 && syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param) == 0);
  cpu_set_t set;
  CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) >= 1 && CPU_ISSET(0, &set));
  CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
  CPU_ZERO(&set);
  CHECK(sched_setaffinity(0, sizeof set, &set) == -1 && errno == EINVAL);
  CHECK(sched_getaffinity(-1, sizeof set, &set) == -1 && errno == ESRCH && sched_setaffinity(-1, sizeof set, &set) == -1 && errno == ESRCH);
  unsigned cpu = 99, node = 99;
  CHECK(syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && cpu < 8 && node == 0);
  CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0 && getpriority(PRIO_PROCESS, 0) == 5 && setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
  // A nice value is a thread's.
  pthread_t other;
  void *nice_value;
  CHECK(pthread_create(&other, NULL, be_nice, NULL) == 0 && pthread_join(other, &nice_value) == 0 && (long)nice_value == 7);
  CHECK(getpriority(PRIO_PROCESS, 0) == 19);
  CHECK(setuid(1000) == 0 && setpriority(PRIO_PROCESS, 0, 1) == -1 && errno == EACCES);
  param.sched_priority = 5;
  CHECK(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) == -1 && errno == EPERM);
  CHECK(getpriority(PRIO_PROCESS, 99999) == -1 && errno == ESRCH && getpriority(9, 0) == -1 && errno == EINVAL);
}

static void what_was_used(void) {
  struct rusage self, children, thread;
  pid_t pid = fork();
  if (!pid) {
    volatile char *much = malloc(8 << 20);
    for (int i = 0; i < 8 << 20; i += 4096) much[i] = 1;
    _exit(0);
  }
  CHECK(wait4(pid, NULL, 0, &thread) == pid && thread.ru_maxrss >= 8 << 10);
  CHECK(getrusage(RUSAGE_SELF, &self) == 0 && self.ru_maxrss > 0 && self.ru_minflt > 0);
  CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0 && children.ru_minflt >= 2048);
  // The most at once of the largest that was waited for, and of this one, whatever it has given back. (Linux counts in steps of 64 pages.)
  CHECK(children.ru_maxrss == thread.ru_maxrss && self.ru_maxrss < 8 << 10);
  char *much = mmap(NULL, 12 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  memset(much, 1, 12 << 20);
  CHECK(munmap(much, 12 << 20) == 0 && getrusage(RUSAGE_SELF, &self) == 0 && self.ru_maxrss > 11 << 10 && self.ru_maxrss < 20 << 10);
  CHECK(getrusage(RUSAGE_THREAD, &thread) == 0 && getrusage(5, &thread) == -1 && errno == EINVAL);
  long before = self.ru_nvcsw;
  usleep(1000);
  CHECK(getrusage(RUSAGE_SELF, &self) == 0 && self.ru_nvcsw > before);
}

int main(int count, char **arguments) {
  if (count > 1 && !strcmp(arguments[1], "--stack")) return stack();
  if (count > 1 && !strcmp(arguments[1], "--setuid")) return !(getuid() == 1000 && geteuid() == 1234 && getegid() == 5678 && prctl(PR_GET_DUMPABLE) == 0);
  if (count > 1 && !strcmp(arguments[1], "--barred")) return !(geteuid() == 1000 && getegid() == 1000);
  char path[64];
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0 && mkdtemp(directory) && chmod(directory, 0777) == 0);
  snprintf(path, sizeof path, "%s/theirs", directory);
  close(open(path, O_CREAT | O_RDWR, 0644));
  apart(descriptors);
  apart(size_of_files);
  apart(memory);
  apart(data);
  apart(stack_of_a_new_program);
  apart(processes);
  apart(accepted_limits);
  apart(users_change);
  apart(groups_give_access);
  apart(set_id_bits_are_cleared);
  programs_with_set_id();
  apart(many_descriptors);
  apart(scheduling);
  apart(io_priorities);
  apart(what_was_used);
  printf("%d failures\n", failures);
  return failures != 0;
}
