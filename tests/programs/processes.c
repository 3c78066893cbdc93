// SPDX-License-Identifier: BSD-2-Clause
// fork, execve, wait, exit and what goes from parent to child. Exits with 0 when everything is as Linux has it; prints what is not.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int wait_for(pid_t pid) {
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid);
  return status;
}

static void exits_and_signals(void) {
  pid_t pid = fork();
  if (!pid) _exit(42);
  int status = wait_for(pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);

  pid = fork();
  if (!pid) abort();
  status = wait_for(pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);

  pid = fork();
  if (!pid) *(volatile int *)0 = 1;
  status = wait_for(pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);

  CHECK(wait(NULL) == -1 && errno == ECHILD);
  CHECK(waitpid(12345, NULL, 0) == -1 && errno == ECHILD);
}

static void memory_is_private_after_fork(void) {
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *shared = *private = 1;
  pid_t pid = fork();
  if (!pid) {
    *shared = 2;
    *private = 2;
    _exit(*private);
  }
  CHECK(WEXITSTATUS(wait_for(pid)) == 2);
  CHECK(*shared == 2 && *private == 1);
}

static void waitid_tells_all(void) {
  pid_t pid = fork();
  if (!pid) _exit(7);
  siginfo_t info;
  memset(&info, 0, sizeof info);
  CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
  CHECK(info.si_pid == pid && info.si_code == CLD_EXITED && info.si_status == 7 && info.si_signo == SIGCHLD);
  CHECK(WEXITSTATUS(wait_for(pid)) == 7);

  pid = fork();
  if (!pid)
    for (;;) pause();
  CHECK(waitpid(pid, NULL, WNOHANG) == 0);
  kill(pid, SIGSTOP);
  int status;
  CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
  kill(pid, SIGCONT);
  CHECK(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
  kill(pid, SIGKILL);
  CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void groups_and_sessions(void) {
  pid_t pid = fork();
  if (!pid) {
    int ok = setpgid(0, 0) == 0 && getpgrp() == getpid() && setsid() == -1 && errno == EPERM;
    _exit(ok ? 0 : 1);
  }
  CHECK(wait_for(pid) == 0);
  pid = fork();
  if (!pid) _exit(setsid() == getpid() && getsid(0) == getpid() && getpgid(0) == getpid() ? 0 : 1);
  CHECK(wait_for(pid) == 0);
  CHECK(setpgid(getpid() + 1000, 0) == -1 && errno == ESRCH);
}

static void orphans_are_adopted(void) {
  int pipes[2];
  CHECK(pipe(pipes) == 0);
  pid_t pid = fork();
  if (!pid) {
    if (!fork()) {
      while (getppid() != 1) usleep(1000);
      char c = 'a';
      write(pipes[1], &c, 1);
      _exit(0);
    }
    _exit(0);
  }
  wait_for(pid);
  char c = 0;
  close(pipes[1]);
  CHECK(read(pipes[0], &c, 1) == 1 && c == 'a');
  close(pipes[0]);
}

static void a_subreaper_gets_orphans(void) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  pid_t pid = fork();
  if (!pid) {
    if (!fork()) {
      usleep(10000);
      _exit(21);
    }
    _exit(0);
  }
  CHECK(wait_for(pid) == 0);
  int status;
  CHECK(wait(&status) > 0 && WEXITSTATUS(status) == 21);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void ignored_children_reap_themselves(void) {
  signal(SIGCHLD, SIG_IGN);
  pid_t pid = fork();
  if (!pid) _exit(0);
  CHECK(waitpid(pid, NULL, 0) == -1 && errno == ECHILD);
  signal(SIGCHLD, SIG_DFL);
}

static int vfork_value;
static void vfork_shares_until_exec(void) {
  vfork_value = 1;
  pid_t pid = vfork();
  if (!pid) {
    vfork_value = 2;
    _exit(3);
  }
  CHECK(vfork_value == 2);
  CHECK(WEXITSTATUS(wait_for(pid)) == 3);
}

static void execve_replaces_all_but(const char *self) {
  int kept = open("/dev/null", O_RDONLY), closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
  char a[16], b[16];
  snprintf(a, sizeof a, "%d", kept);
  snprintf(b, sizeof b, "%d", closed);
  pid_t pid = fork();
  if (!pid) {
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, (void (*)(int))execve_replaces_all_but);
    char *arguments[] = {(char *)self, "--child", a, b, "", "with space", NULL};
    char *environment[] = {"ONE=1", "EMPTY=", NULL};
    execve(self, arguments, environment);
    _exit(99);
  }
  CHECK(wait_for(pid) == 0);
  close(kept);
  close(closed);

  CHECK(execve("/nonexistent", (char *[]){"x", NULL}, NULL) == -1 && errno == ENOENT);
  CHECK(execve("/", (char *[]){"x", NULL}, NULL) == -1 && errno == EACCES);
  CHECK(execve("/dev/null", (char *[]){"x", NULL}, NULL) == -1 && errno == EACCES);
  int fd = open("/tmp/garbage", O_CREAT | O_WRONLY, 0755);
  write(fd, "garbage\n", 8);
  close(fd);
  CHECK(execve("/tmp/garbage", (char *[]){"x", NULL}, NULL) == -1 && errno == ENOEXEC);
  fd = open("/tmp/elf", O_CREAT | O_WRONLY, 0755);
  write(fd, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\363\0", 20);
  close(fd);
  CHECK(execve("/tmp/elf", (char *[]){"x", NULL}, NULL) == -1 && errno == ENOEXEC);

  char script[512];
  snprintf(script, sizeof script, "#! %s --script one argument\nrest\n", self);
  fd = open("/tmp/script", O_CREAT | O_WRONLY, 0755);
  write(fd, script, strlen(script));
  close(fd);
  pid = fork();
  if (!pid) {
    execve("/tmp/script", (char *[]){"dropped", "last", NULL}, NULL);
    _exit(99);
  }
  CHECK(wait_for(pid) == 0);
}

static void arguments_have_a_limit(const char *self) {
  char *big = malloc(200000);
  memset(big, 'x', 199999);
  big[199999] = 0;
  CHECK(execve(self, (char *[]){(char *)self, big, NULL}, NULL) == -1 && errno == E2BIG);
  big[100000] = 0;
  char *many[40] = {(char *)self};
  for (int i = 1; i < 39; i++) many[i] = big;
  CHECK(execve(self, many, NULL) == -1 && errno == E2BIG);
  pid_t pid = fork();
  if (!pid) {
    execve(self, (char *[]){(char *)self, "--length", big, big, NULL}, NULL);
    _exit(99);
  }
  CHECK(wait_for(pid) == 0);
  free(big);
}

static int thread_body(void *argument) {
  *(int *)argument = 1;
  return 5;
}

static void clone_flags(void) {
  char *stack = malloc(65536);
  int value = 0;
  int pid = clone(thread_body, stack + 65536, CLONE_VM | CLONE_FILES | SIGCHLD, &value);
  CHECK(pid > 0 && WEXITSTATUS(wait_for(pid)) == 5 && value == 1);
  CHECK(clone(thread_body, stack + 65536, CLONE_SIGHAND, &value) == -1 && errno == EINVAL);
  CHECK(clone(thread_body, stack + 65536, CLONE_THREAD, &value) == -1 && errno == EINVAL);
  free(stack);
}

static void limits_and_names(void) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= 65536);
  limit.rlim_cur = 100;
  limit.rlim_max = 50;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == -1 && errno == EINVAL);
  char name[16] = "";
  CHECK(prctl(PR_SET_NAME, "a-name-that-is-too-long") == 0);
  CHECK(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "a-name-that-is-"));
  CHECK(syscall(999) == -1 && errno == ENOSYS);
  CHECK(syscall(SYS_reboot, 0, 0, 0, 0) == -1);
}

int main(int count, char **arguments) {
  if (count > 1 && !strcmp(arguments[1], "--child")) {
    struct sigaction action;
    CHECK(count == 6 && !strcmp(arguments[4], "") && !strcmp(arguments[5], "with space"));
    CHECK(getenv("ONE") && !strcmp(getenv("ONE"), "1") && getenv("EMPTY") && !*getenv("EMPTY") && !getenv("HOME"));
    CHECK(fcntl(atoi(arguments[2]), F_GETFD) == 0);
    CHECK(fcntl(atoi(arguments[3]), F_GETFD) == -1 && errno == EBADF);
    sigaction(SIGUSR1, NULL, &action);
    CHECK(action.sa_handler == SIG_IGN);
    sigaction(SIGUSR2, NULL, &action);
    CHECK(action.sa_handler == SIG_DFL);
    return failures;
  }
  if (count > 1 && !strcmp(arguments[1], "--script one argument")) {
    CHECK(count == 4 && !strcmp(arguments[2], "/tmp/script") && !strcmp(arguments[3], "last"));
    return failures;
  }
  if (count > 1 && !strcmp(arguments[1], "--length")) return strlen(arguments[2]) + strlen(arguments[3]) == 200000 ? 0 : 1;
  char self[256];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  CHECK(length > 0);
  self[length > 0 ? length : 0] = 0;
  exits_and_signals();
  memory_is_private_after_fork();
  waitid_tells_all();
  groups_and_sessions();
  orphans_are_adopted();
  a_subreaper_gets_orphans();
  ignored_children_reap_themselves();
  vfork_shares_until_exec();
  execve_replaces_all_but(self);
  arguments_have_a_limit(self);
  clone_flags();
  limits_and_names();
  printf("%d failures\n", failures);
  return failures != 0;
}
