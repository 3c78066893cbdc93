// SPDX-License-Identifier: BSD-2-Clause
// Ids and capabilities of each thread, and who may look into a process whose own have changed. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char directory[] = "/credentials-XXXXXX", self[256];
static pid_t leader;

static void apart(void (*check)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    failures = 0;
    leader = getpid();
    check();
    fflush(stdout);
    _exit(failures);
  }
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  failures += WEXITSTATUS(status);
}
static void in_thread(void *(*run)(void *)) {
  pthread_t thread = 0;
  CHECK(pthread_create(&thread, NULL, run, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static uint64_t effective(pid_t of) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, of};
  struct __user_cap_data_struct data[2];
  CHECK(syscall(SYS_capget, &header, data) == 0);
  return data[0].effective | (uint64_t)data[1].effective << 32;
}
static int drop_all(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  return (int)syscall(SYS_capset, &header, data);
}
static long uid_of(pid_t task, int which) {
  char path[64], line[256];
  long ids[4] = {-1, -1, -1, -1};
  snprintf(path, sizeof path, task == leader ? "/proc/self/status" : "/proc/self/task/%d/status", task);
  FILE *f = fopen(path, "r");
  while (f && fgets(line, sizeof line, f)) sscanf(line, "Uid: %ld %ld %ld %ld", &ids[0], &ids[1], &ids[2], &ids[3]);
  if (f) fclose(f);
  return ids[which];
}

// ---- each thread's own ----

static int barrier[2][2];
static void meet(int side) {  // both get past it together
  char byte = 0;
  CHECK(write(barrier[side][1], &byte, 1) == 1 && read(barrier[!side][0], &byte, 1) == 1);
}

static pid_t other_tid;
static void *another_user(void *unused) {
  other_tid = gettid();
  CHECK(syscall(SYS_getuid) == 0 && effective(0) != 0);
  CHECK(syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, 55, 55, 55) == 0);
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_CAPBSET_DROP, CAP_SYS_TIME) == 0);
  CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0 && effective(0) == 0 && drop_all() == 0);
  char path[64];
  snprintf(path, sizeof path, "%s/secret", directory);
  CHECK(open(path, O_RDONLY) == -1 && errno == EACCES);
  snprintf(path, sizeof path, "%s/theirs", directory);
  int fd = open(path, O_CREAT | O_RDWR, 0600);
  struct stat st;
  CHECK(fstat(fd, &st) == 0 && st.st_uid == 1000 && st.st_gid == 55);
  close(fd);
  meet(1);
  meet(1);
  // Within a process there is nothing to allow.
  CHECK(syscall(SYS_tgkill, leader, leader, 0) == 0 && kill(leader, 0) == 0 && kill(getppid(), 0) == -1 && errno == EPERM);
  return unused;
}
static void ids_are_each_threads_own(void) {
  char path[64];
  pthread_t thread = 0;
  snprintf(path, sizeof path, "%s/secret", directory);
  close(open(path, O_CREAT | O_RDWR, 0600));
  CHECK(pipe(barrier[0]) == 0 && pipe(barrier[1]) == 0 && pthread_create(&thread, NULL, another_user, NULL) == 0);
  meet(0);
  CHECK(syscall(SYS_getuid) == 0 && syscall(SYS_getgid) == 0 && effective(0) != 0 && effective(other_tid) == 0);
  CHECK(uid_of(leader, 1) == 0 && uid_of(other_tid, 1) == 1000 && uid_of(other_tid, 3) == 1000);
  CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && prctl(PR_GET_KEEPCAPS) == 0 && prctl(PR_CAPBSET_READ, CAP_SYS_TIME) == 1);
  CHECK(open(path, O_RDONLY) >= 0 && syscall(SYS_tgkill, leader, other_tid, 0) == 0);
  struct stat st;
  snprintf(path, sizeof path, "/proc/self/task/%d", other_tid);
  CHECK(stat(path, &st) == 0 && st.st_uid == 1000 && st.st_gid == 55 && stat("/proc/self", &st) == 0 && st.st_uid == 0);
  meet(0);
  CHECK(pthread_join(thread, NULL) == 0);
  // What one of them was allowed to is the memory's: none may be dumped now.
  CHECK(prctl(PR_GET_DUMPABLE) == 0);
}

static void *heir(void *unused) {
  CHECK(syscall(SYS_geteuid) == 1001 && syscall(SYS_getuid) == 0 && setfsuid(-1) == 1002);
  return unused;
}
static void *founder(void *unused) {
  CHECK(syscall(SYS_setresuid, 0, 1001, 0) == 0 && setfsuid(1002) == 1001);
  CHECK(setfsuid(-1) == 1001 && syscall(SYS_setresuid, -1, 0, -1) == 0 && setfsuid(1002) == 0);
  CHECK(syscall(SYS_setresuid, -1, 1001, -1) == 0 && setfsuid(-1) == 1001);
  CHECK(syscall(SYS_setresuid, -1, 0, -1) == 0 && syscall(SYS_setresuid, 0, 1001, 1002) == 0 && setfsuid(1002) == 1001);
  in_thread(heir);
  // A child too is as the thread that forks it.
  pid_t pid = fork();
  if (!pid) _exit(!(geteuid() == 1001 && setfsuid(-1) == 1002));
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  return unused;
}
static void threads_and_children_are_as_who_makes_them(void) {
  in_thread(founder);
  CHECK(syscall(SYS_geteuid) == 0 && setfsuid(-1) == 0);
}

// libc's own calls are of all threads.
static volatile int seen_by_waiting = -1;
static void *waits(void *unused) {
  meet(1);
  meet(1);
  seen_by_waiting = (int)syscall(SYS_getuid);
  return unused;
}
static void libc_changes_all(void) {
  pthread_t thread = 0;
  CHECK(pipe(barrier[0]) == 0 && pipe(barrier[1]) == 0 && pthread_create(&thread, NULL, waits, NULL) == 0);
  meet(0);
  CHECK(setuid(1000) == 0);
  meet(0);
  CHECK(pthread_join(thread, NULL) == 0 && seen_by_waiting == 1000);
}

// The thread that executes takes its own along.
static void *executes(void *unused) {
  CHECK(syscall(SYS_setresuid, 1000, 1000, 1000) == 0);
  execl(self, self, "--ids", "1000", NULL);
  _exit(99);
  return unused;
}
static void execve_is_of_its_thread(void) {
  pid_t pid = fork();
  if (!pid) {
    pthread_t thread = 0;
    pthread_create(&thread, NULL, executes, NULL);
    for (;;) pause();
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void *leaves_its_leader(void *unused) {
  usleep(20000);
  CHECK(uid_of(gettid(), 0) == 0 && uid_of(leader, 0) == 1000);
  char path[64];
  struct stat st;
  snprintf(path, sizeof path, "/proc/%d", leader);
  CHECK(stat(path, &st) == 0 && st.st_uid == 1000);
  fflush(stdout);
  _exit(failures);
  return unused;
}
static void a_leader_that_ended_is_still_its_process(void) {
  pthread_t thread = 0;
  CHECK(pthread_create(&thread, NULL, leaves_its_leader, NULL) == 0);
  syscall(SYS_setresuid, 1000, 1000, 1000);
  syscall(SYS_exit, 0);
}

static int sockets[2];
static struct ucred received(void) {
  char byte, control[CMSG_SPACE(sizeof(struct ucred))];
  struct iovec vector = {&byte, 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct ucred who = {0, 0, 0};
  CHECK(recvmsg(sockets[0], &message, 0) == 1 && CMSG_FIRSTHDR(&message));
  if (CMSG_FIRSTHDR(&message)) memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof who);
  return who;
}
static void *sends(void *unused) {
  CHECK(syscall(SYS_setresgid, -1, 77, -1) == 0 && syscall(SYS_setresuid, 1003, 0, 0) == 0 && write(sockets[1], "x", 1) == 1);
  return unused;
}
static void messages_say_which_thread(void) {
  int on = 1;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0 && setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
  in_thread(sends);
  struct ucred who = received();
  CHECK(who.pid == leader && who.uid == 1003 && who.gid == 0);
}

// ---- who may look ----

static long owner_of(const char *path) {
  struct stat st;
  return lstat(path, &st) ? -errno : (long)st.st_uid;
}
static void changes_that_hide(void) {
  CHECK(prctl(PR_GET_DUMPABLE) == 1 && setresuid(1000, 0, 1000) == 0 && prctl(PR_GET_DUMPABLE) == 1);
  CHECK(setgroups(0, NULL) == 0 && prctl(PR_GET_DUMPABLE) == 1);
  CHECK(setresgid(7, -1, 7) == 0 && prctl(PR_GET_DUMPABLE) == 1 && setresgid(-1, 7, -1) == 0 && prctl(PR_GET_DUMPABLE) == 0);
  CHECK(prctl(PR_SET_DUMPABLE, 1) == 0 && setfsgid(9) == 7 && prctl(PR_GET_DUMPABLE) == 0);
  CHECK(prctl(PR_SET_DUMPABLE, 1) == 0 && setfsuid(9) == 0 && prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0 && setfsuid(0) == 9);
  CHECK(prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0 && prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
  int signal_of_death = -1;
  CHECK(setresuid(-1, 1000, -1) == 0 && prctl(PR_GET_DUMPABLE) == 0);
  CHECK(prctl(PR_GET_PDEATHSIG, &signal_of_death) == 0 && signal_of_death == 0);
}
static void what_is_hidden(void) {
  CHECK(setgid(1000) == 0 && setuid(1000) == 0);
  CHECK(owner_of("/proc/self/") == 1000 && owner_of("/proc/self/task") == 1000);
  CHECK(owner_of("/proc/self/status") == 0 && owner_of("/proc/self/environ") == 0 && owner_of("/proc/self/fd") == 0 && owner_of("/proc/self/exe") == 0);
  CHECK(open("/proc/self/environ", O_RDONLY) == -1 && errno == EACCES && open("/proc/self/auxv", O_RDONLY) == -1 && errno == EACCES);
  CHECK(open("/proc/self/maps", O_RDONLY) >= 0 && open("/proc/self/status", O_RDONLY) >= 0 && open("/proc/self/comm", O_RDWR) == -1 && errno == EACCES);
  char bytes[64];
  CHECK(readlink("/proc/self/exe", bytes, sizeof bytes) > 0 && readlink("/proc/self/fd/0", bytes, sizeof bytes) > 0);
  CHECK(open("/proc/self/fd", O_RDONLY | O_DIRECTORY) >= 0);
  pid_t pid = fork();
  if (!pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", getppid());
    CHECK(prctl(PR_GET_DUMPABLE) == 0 && readlink(path, bytes, sizeof bytes) == -1 && errno == EACCES);
    snprintf(path, sizeof path, "/proc/%d/fd", getppid());
    CHECK(open(path, O_RDONLY | O_DIRECTORY) == -1 && errno == EACCES);
    snprintf(path, sizeof path, "/proc/%d/maps", getppid());
    CHECK(open(path, O_RDONLY) == -1 && errno == EACCES);
    snprintf(path, sizeof path, "/proc/%d/cmdline", getppid());
    CHECK(open(path, O_RDONLY) >= 0);
    fflush(stdout);
    _exit(failures);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  CHECK(prctl(PR_SET_DUMPABLE, 1) == 0 && owner_of("/proc/self/status") == 1000 && open("/proc/self/environ", O_RDONLY) >= 0);
  pid = fork();
  if (!pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", getppid());
    _exit(readlink(path, bytes, sizeof bytes) <= 0);
  }
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  // A new program may be dumped again, if one may read its file.
  pid = fork();
  if (!pid) {
    execl(self, self, "--dumpable", "1", NULL);
    _exit(99);
  }
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}
static void programs_that_are_hidden(void) {
  char path[64], bytes[4096];
  int status;
  snprintf(path, sizeof path, "%s/program", directory);
  int from = open(self, O_RDONLY), to = open(path, O_CREAT | O_WRONLY, 0755);
  for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;) CHECK(write(to, bytes, (size_t)n) == n);
  close(from), close(to);
  const struct { uid_t real, effective; mode_t mode; const char *wanted; } rows[] = {
      {0, 0, 0755, "1"}, {1000, 1000, 0755, "1"}, {1000, 1000, 0711, "0"}, {0, 0, 0711, "1"}, {0, 1000, 0755, "0"}, {1000, 1000, 04755, "0"}, {0, 0, 04755, "1"},
  };
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK(chmod(path, rows[i].mode) == 0);
    pid_t pid = fork();
    if (!pid) {
      if (setresuid(rows[i].real, rows[i].effective, rows[i].effective)) _exit(98);
      execl(path, path, "--dumpable", rows[i].wanted, NULL);
      _exit(99);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    if (status) printf("row %u\n", i);
  }
}
static void the_memory_of_two_processes(void) {
  // Whoever shares the memory shares that it is hidden.
  pid_t pid = vfork();
  if (!pid) {
    syscall(SYS_setresuid, -1, 1000, -1);
    _exit(0);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0 && prctl(PR_GET_DUMPABLE) == 0);
}

// ---- limits of arguments ----

static int with_stack(rlim_t bytes, size_t argument) {
  static char text[200000];
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    struct rlimit limit = {bytes, RLIM_INFINITY};
    memset(text, 'a', argument);
    text[argument] = 0;
    setrlimit(RLIMIT_STACK, &limit);
    char *const none[] = {NULL}, *const words[] = {self, "--nothing", text, NULL};
    execve(self, words, none);
    _exit(errno);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
static void arguments_and_the_stack(void) {
  CHECK(with_stack(8 << 20, 1000) == 0 && with_stack(8 << 20, 131000) == 0 && with_stack(8 << 20, 131072) == E2BIG);
  CHECK(with_stack(65536, 30000) == 0 && with_stack(65536, 66000) == E2BIG);
  CHECK(with_stack(12288, 11000) == 0 && with_stack(12288, 12500) == E2BIG);
  CHECK(with_stack(8192, 5000) == 0 && with_stack(8192, 8192) == E2BIG && with_stack(4096, 5000) == E2BIG && with_stack(0, 5000) == E2BIG && with_stack(1000, 9000) == E2BIG);
  // A page is there in any case.
  CHECK(with_stack(0, 500) == 0 && with_stack(4096, 500) == 0);
}

int main(int count, char **arguments) {
  if (count == 3 && !strcmp(arguments[1], "--ids")) return !((int)getuid() == atoi(arguments[2]) && (int)geteuid() == atoi(arguments[2]) && getpid() == gettid());
  if (count == 3 && !strcmp(arguments[1], "--dumpable")) return prctl(PR_GET_DUMPABLE) != atoi(arguments[2]);
  if (count == 3 && !strcmp(arguments[1], "--nothing")) return 0;
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0 && mkdtemp(directory) && chmod(directory, 0777) == 0);
  apart(ids_are_each_threads_own);
  apart(threads_and_children_are_as_who_makes_them);
  apart(libc_changes_all);
  apart(execve_is_of_its_thread);
  apart(a_leader_that_ended_is_still_its_process);
  apart(messages_say_which_thread);
  apart(changes_that_hide);
  apart(what_is_hidden);
  apart(programs_that_are_hidden);
  apart(the_memory_of_two_processes);
  apart(arguments_and_the_stack);
  printf("%d failures\n", failures);
  return failures != 0;
}
