// SPDX-License-Identifier: BSD-2-Clause
// Scripts, posix_spawn, clone3, what waitid can wait for, prctl. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

extern char **environ;
static char self[256], directory[] = "/tmp/launch-XXXXXX";

static int status_of(pid_t pid) {
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid);
  return status;
}

static const char *script(const char *name, const char *text) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
  return path;
}

// The error of an execve, or 0 when it ran and exited with 0.
static int run(const char *path, char *const arguments[]) {
  pid_t pid = fork();
  if (!pid) {
    execve(path, arguments, environ);
    _exit(errno);
  }
  int status = status_of(pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static void scripts(void) {
  char text[700], first[512];
  char *arguments[] = {"x", "last", NULL};
  snprintf(text, sizeof text, "#!%s --seen=2\n", self);
  strcpy(first, script("first", text));
  CHECK(run(first, arguments) == 0);
  // A script's interpreter may be a script, five deep.
  for (int depth = 2; depth <= 6; depth++) {
    snprintf(text, sizeof text, "#!%s\n", first);
    char name[16];
    snprintf(name, sizeof name, "depth-%d", depth);
    strcpy(first, script(name, text));
    CHECK(run(first, arguments) == (depth <= 5 ? 0 : ELOOP));
  }
  // The first line ends at 255 bytes: an argument is cut there, an interpreter's path is refused.
  int n = snprintf(text, sizeof text, "#!%s --length=%d ", self, 255 - (int)strlen(self) - 2 - 1);
  memset(text + n, 'a', 300);
  strcpy(text + n + 300, "\n");
  CHECK(run(script("long-argument", text), arguments) == 0);
  strcpy(text, "#!/");
  memset(text + 3, 'b', 300);
  strcpy(text + 303, "\n");
  CHECK(run(script("long-path", text), arguments) == ENOEXEC);
  CHECK(run(script("blank", "#!   \n"), arguments) == ENOEXEC);
  CHECK(run(script("missing", "#!/no/such/interpreter\n"), arguments) == ENOENT);
  CHECK(run(script("folder", "#!/tmp\n"), arguments) == EACCES);
  snprintf(text, sizeof text, "#!  \t%s \t --trimmed  \t\n", self);
  CHECK(run(script("trimmed", text), arguments) == 0);
  snprintf(text, sizeof text, "#!%s", self);
  CHECK(run(script("no-newline", text), (char *[]){"x", "--fine", NULL}) == 0);
  const char *path = script("mode", text);
  CHECK(chmod(path, 0644) == 0 && run(path, arguments) == EACCES);
  // By descriptor: the interpreter is given /dev/fd/N.
  snprintf(text, sizeof text, "#!%s --descriptor\n", self);
  int fd = open(script("by-descriptor", text), O_RDONLY);
  pid_t pid = fork();
  if (!pid) {
    syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH);
    _exit(errno);
  }
  CHECK(status_of(pid) == 0);
  close(fd);
}

static void spawned_processes(void) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int p[2], status;
  char bytes[32] = "";
  pid_t pid;
  CHECK(pipe(p) == 0);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, p[1], 1);
  posix_spawn_file_actions_addclose(&actions, p[0]);
  posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", O_RDONLY, 0);
  posix_spawnattr_init(&attributes);
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  posix_spawnattr_setsigmask(&attributes, &mask);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  CHECK(posix_spawn(&pid, self, &actions, &attributes, (char *[]){self, "--spawned", NULL}, environ) == 0);
  close(p[1]);
  CHECK(read(p[0], bytes, sizeof bytes) == 7 && !memcmp(bytes, "spawned", 7));
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  close(p[0]);
  CHECK(posix_spawn(&pid, "/no/such/program", NULL, NULL, (char *[]){"x", NULL}, environ) == ENOENT);
}

static long clone3(struct clone_args *arguments, size_t size) { return syscall(SYS_clone3, arguments, size); }

static void clone3_takes_a_structure(void) {
  int pidfd = -1, parent_tid = 0;
  struct clone_args a = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .pidfd = (uintptr_t)&pidfd, .parent_tid = (uintptr_t)&parent_tid, .exit_signal = SIGCHLD};
  pid_t pid = (pid_t)clone3(&a, sizeof a);
  if (!pid) _exit(6);
  siginfo_t info;
  CHECK(pid > 0 && pidfd >= 0 && parent_tid == pid && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
  CHECK(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) == 0 && info.si_status == 6);
  close(pidfd);
  a.flags = CLONE_CLEAR_SIGHAND;
  signal(SIGUSR1, (void (*)(int))clone3);
  signal(SIGUSR2, SIG_IGN);
  pid = (pid_t)clone3(&a, CLONE_ARGS_SIZE_VER0);
  if (!pid) {
    struct sigaction one, two;
    sigaction(SIGUSR1, NULL, &one);
    sigaction(SIGUSR2, NULL, &two);
    _exit(one.sa_handler != SIG_DFL || two.sa_handler != SIG_IGN);
  }
  CHECK(pid > 0 && status_of(pid) == 0);
  signal(SIGUSR1, SIG_DFL);
  signal(SIGUSR2, SIG_DFL);
  CHECK(clone3(&a, 32) == -1 && errno == EINVAL);
  CHECK(clone3(&a, 100000) == -1 && errno == E2BIG);
  CHECK(clone3(NULL, sizeof a) == -1 && errno == EFAULT);
  a.flags = CLONE_SIGHAND | CLONE_CLEAR_SIGHAND | CLONE_VM;
  CHECK(clone3(&a, sizeof a) == -1 && errno == EINVAL);
  a.flags = 1ull << 40;
  CHECK(clone3(&a, sizeof a) == -1 && errno == EINVAL);
  a.flags = CLONE_DETACHED;
  CHECK(clone3(&a, sizeof a) == -1 && errno == EINVAL);
  a.flags = 0;
  a.exit_signal = 99;
  CHECK(clone3(&a, sizeof a) == -1 && errno == EINVAL);
  a.exit_signal = SIGCHLD;
  a.stack = 0x1000;
  CHECK(clone3(&a, sizeof a) == -1 && errno == EINVAL);
  a.stack = 0;
  a.flags = CLONE_INTO_CGROUP;
  a.cgroup = 1ull << 40;
  CHECK(clone3(&a, sizeof a) == -1 && errno == EINVAL);
  // A structure with more than is known, which is zero.
  struct { struct clone_args known; uint64_t more; } longer = {.known = {.exit_signal = SIGCHLD}};
  pid = (pid_t)clone3(&longer.known, sizeof longer);
  if (!pid) _exit(0);
  CHECK(pid > 0 && status_of(pid) == 0);
  longer.more = 1;
  CHECK(clone3(&longer.known, sizeof longer) == -1 && errno == E2BIG);
  // With CLONE_PARENT the child is a sibling.
  pid = fork();
  if (!pid) {
    struct clone_args sibling = {.flags = CLONE_PARENT};
    pid_t other = (pid_t)clone3(&sibling, sizeof sibling);
    if (!other) _exit(getppid() == atoi(getenv("TOP")) ? 12 : 13);
    _exit(waitpid(other, NULL, __WALL) == -1 && errno == ECHILD ? 11 : 10);
  }
  int seen = 0, status;
  for (int i = 0; i < 2; i++) {
    CHECK(waitpid(-1, &status, __WALL) > 0);
    seen += WEXITSTATUS(status);
  }
  CHECK(seen == 11 + 12);
  // A child without a signal is waited for by who asks for it.
  a = (struct clone_args){0};
  pid = (pid_t)clone3(&a, sizeof a);
  if (!pid) _exit(4);
  CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
  CHECK(waitpid(pid, &status, __WCLONE) == pid && WEXITSTATUS(status) == 4);
}

static void waitid_waits_for_all_kinds(void) {
  siginfo_t info;
  pid_t pid = fork();
  if (!pid) {
    setpgid(0, 0);
    for (;;) pause();
  }
  setpgid(pid, pid);
  CHECK(waitid(P_PGID, (id_t)pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
  CHECK(waitid(P_ALL, 0, &info, 0) == -1 && errno == EINVAL);
  CHECK(waitid(9, 0, &info, WEXITED) == -1 && errno == EINVAL);
  CHECK(waitid(P_PID, 0, &info, WEXITED) == -1 && errno == EINVAL);
  CHECK(waitid(P_PIDFD, 0, &info, WEXITED) == -1 && errno == EBADF);
  kill(pid, SIGSTOP);
  CHECK(waitid(P_PGID, (id_t)pid, &info, WSTOPPED | WNOWAIT) == 0 && info.si_code == CLD_STOPPED && info.si_status == SIGSTOP);
  CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == 0 && info.si_code == CLD_STOPPED);
  CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid == 0);
  kill(pid, SIGCONT);
  CHECK(waitid(P_PID, (id_t)pid, &info, WCONTINUED) == 0 && info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
  kill(-pid, SIGTERM);
  CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == pid && info.si_code == CLD_KILLED && info.si_status == SIGTERM);
  CHECK(waitid(P_PID, (id_t)pid, NULL, WEXITED) == 0);
  CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED) == -1 && errno == ECHILD);
  pid = fork();
  if (!pid) abort();
  CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED) == 0 && (info.si_code == CLD_DUMPED || info.si_code == CLD_KILLED) && info.si_status == SIGABRT);
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  CHECK(fd == -1 && errno == ESRCH);
  pid = fork();
  if (!pid)
    for (;;) pause();
  fd = (int)syscall(SYS_pidfd_open, pid, O_NONBLOCK);
  CHECK(fd >= 0 && waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == -1 && errno == EAGAIN);
  kill(pid, SIGKILL);
  struct pollfd p = {fd, POLLIN, 0};
  CHECK(poll(&p, 1, 5000) == 1 && waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == 0);
  close(fd);
}

static volatile sig_atomic_t died;
static void note_death(int number) { died = number; }

static void what_prctl_sets(void) {
  signal(SIGUSR1, note_death);
  pid_t pid = fork();
  if (!pid) {
    sigset_t none, usr1;
    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    pid_t child = fork();
    if (!child) {
      int set = -1;
      int ok = prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0 && prctl(PR_GET_PDEATHSIG, &set) == 0 && set == SIGUSR1;
      kill(getppid(), SIGUSR1);
      sigsuspend(&none);
      kill(atoi(getenv("TOP")), ok && died == SIGUSR1 ? SIGUSR1 : SIGUSR2);
      _exit(0);
    }
    sigsuspend(&none);
    _exit(0);
  }
  CHECK(status_of(pid) == 0);
  for (int i = 0; i < 1000 && !died; i++) usleep(1000);
  CHECK(died == SIGUSR1);
  signal(SIGUSR1, SIG_DFL);
  CHECK(prctl(PR_SET_PDEATHSIG, 99) == -1 && errno == EINVAL);
  CHECK(prctl(PR_GET_DUMPABLE) == 1 && prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
  CHECK(prctl(PR_SET_DUMPABLE, 2) == -1 && errno == EINVAL);
  CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == -1 && errno == EINVAL);
  CHECK(prctl(PR_SET_TIMERSLACK, 12345) == 0 && prctl(PR_GET_TIMERSLACK) == 12345);
  CHECK(prctl(PR_CAPBSET_READ, 0) == 1 && prctl(PR_CAPBSET_READ, 99) == -1 && errno == EINVAL);
  CHECK(prctl(12345) == -1 && errno == EINVAL);
}

// personality(2), as setarch -R and debuggers want it: of the process and its children, across execve.
static void where_it_lies(void) {
  const void *places[2][3] = {{0}};
  int p[2], status;
  for (int i = 0; i < 2; i++) {
    CHECK(pipe(p) == 0);
    pid_t pid = fork();
    if (!pid) {
      if (personality(ADDR_NO_RANDOMIZE) != 0 || personality(0xffffffff) != ADDR_NO_RANDOMIZE) _exit(98);
      dup2(p[1], 1);
      pid = fork();
      if (!pid) execl(self, self, "--layout", NULL);
      _exit(waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 97);
    }
    CHECK(read(p[0], places[i], sizeof *places) == sizeof *places && waitpid(pid, &status, 0) == pid && status == 0);
    close(p[0]), close(p[1]);
  }
  CHECK(places[0][0] && !memcmp(places[0], places[1], sizeof *places) && personality(0xffffffff) == 0);
}

int main(int count, char **arguments) {
  if (count > 1 && arguments[1][0] == '-') {
    const char *first = arguments[1];
    if (!strcmp(first, "--seen=2")) return !(count >= 4 && !strcmp(arguments[count - 1], "last"));
    if (!strncmp(first, "--length=", 9)) return (int)strlen(first) != atoi(first + 9);
    if (!strcmp(first, "--trimmed")) return count != 4;
    if (!strcmp(first, "--descriptor")) return count != 4 || strncmp(arguments[2], "/dev/fd/", 8);
    if (!strcmp(first, "--spawned")) {
      sigset_t mask;
      sigprocmask(SIG_SETMASK, NULL, &mask);
      int ok = sigismember(&mask, SIGUSR2) && getpgrp() == getpid() && fcntl(9, F_GETFD) == 0;
      return !(ok && write(1, "spawned", 7) == 7);
    }
    if (!strcmp(first, "--layout")) {
      const void *places[] = {&count, sbrk(0), mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
      return personality(0xffffffff) != ADDR_NO_RANDOMIZE || write(1, places, sizeof places) != sizeof places;
    }
    return 99;
  }
  if (count > 2 && !strcmp(arguments[2], "--fine")) return 0;
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  CHECK(length > 0 && mkdtemp(directory));
  char top[16];
  snprintf(top, sizeof top, "%d", getpid());
  setenv("TOP", top, 1);
  scripts();
  where_it_lies();
  spawned_processes();
  clone3_takes_a_structure();
  waitid_waits_for_all_kinds();
  what_prctl_sets();
  printf("%d failures\n", failures);
  return failures != 0;
}
