// SPDX-License-Identifier: BSD-2-Clause
// Descriptors of signals, processes, events and what happens to files; splice and tee. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static int readable(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void signals_are_read(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
  struct signalfd_siginfo info[4];
  CHECK(read(fd, info, sizeof info) == -1 && errno == EAGAIN);
  CHECK(read(fd, info, 10) == -1 && errno == EINVAL);
  CHECK(!readable(fd));
  kill(getpid(), SIGUSR1);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 42});
  CHECK(readable(fd));
  CHECK(read(fd, info, sizeof info) == 2 * sizeof *info);
  CHECK(info[0].ssi_signo == SIGUSR1 && info[0].ssi_code == SI_USER && info[0].ssi_pid == (uint32_t)getpid());
  CHECK(info[1].ssi_signo == (uint32_t)SIGRTMIN && info[1].ssi_int == 42 && info[1].ssi_code == SI_QUEUE);
  fcntl(fd, F_SETFL, 0);
  pid_t child = fork();
  if (!child) {
    usleep(10000);
    _exit(7);
  }
  CHECK(read(fd, info, sizeof info) == sizeof *info);
  CHECK(info[0].ssi_signo == SIGCHLD && info[0].ssi_pid == (uint32_t)child && info[0].ssi_status == 7 && info[0].ssi_code == CLD_EXITED);
  waitpid(child, NULL, 0);
  int e = epoll_create1(0);
  struct epoll_event event = {EPOLLIN | EPOLLET, {0}};
  CHECK(epoll_ctl(e, EPOLL_CTL_ADD, fd, &event) == 0 && epoll_wait(e, &event, 1, 0) == 0);
  kill(getpid(), SIGUSR1);
  CHECK(epoll_wait(e, &event, 1, 1000) == 1);
  sigdelset(&set, SIGUSR1);
  CHECK(signalfd(fd, &set, 0) == fd && !readable(fd));
  sigset_t pending;
  CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
  CHECK(signalfd(e, &set, 0) == -1 && errno == EINVAL);
  signal(SIGUSR1, SIG_IGN);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  close(e);
  close(fd);
}

static int pidfd_open_(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }
static int pidfd_send(int fd, int number) { return (int)syscall(SYS_pidfd_send_signal, fd, number, NULL, 0); }
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static void processes_have_descriptors(void) {
  int p[2];
  CHECK(pipe(p) == 0);
  pid_t child = fork();
  if (!child) {
    char byte;
    close(p[1]);
    read(p[0], &byte, 1);
    _exit(3);
  }
  close(p[0]);
  int fd = pidfd_open_(child, 0);
  CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
  CHECK(!readable(fd) && pidfd_send(fd, 0) == 0);
  siginfo_t info;
  info.si_pid = 0;
  CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0);
  close(p[1]);
  struct pollfd look = {fd, POLLIN, 0};
  CHECK(poll(&look, 1, 5000) == 1 && look.revents == POLLIN);
  CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == 0 && info.si_pid == child && info.si_status == 3);
  CHECK(pidfd_send(fd, 0) == -1 && errno == ESRCH);
  CHECK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED) == -1 && errno == ECHILD);
  CHECK(readable(fd));
  close(fd);
  CHECK(pidfd_open_(0x3fffff, 0) == -1 && errno == ESRCH);
  CHECK(pidfd_open_(0, 0) == -1 && errno == EINVAL);
  CHECK(pidfd_send(0, 0) == -1 && errno == EBADF);

  // CLONE_PIDFD, and a descriptor of another process.
  int from_clone = -1;
  CHECK(pipe(p) == 0);
  child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &from_clone, 0, 0);
  if (!child) {
    close(p[1]);
    pause();
    _exit(0);
  }
  CHECK(from_clone >= 0 && fcntl(from_clone, F_GETFD) == FD_CLOEXEC);
  int theirs = (int)syscall(SYS_pidfd_getfd, from_clone, p[0], 0);
  char byte = 0;
  CHECK(theirs >= 0 && write(p[1], "x", 1) == 1 && read(theirs, &byte, 1) == 1 && byte == 'x');
  CHECK(syscall(SYS_pidfd_getfd, from_clone, 999, 0) == -1 && errno == EBADF);
  CHECK(pidfd_send(from_clone, SIGKILL) == 0);
  CHECK(waitid(P_PIDFD, (id_t)from_clone, &info, WEXITED) == 0 && info.si_code == CLD_KILLED && info.si_status == SIGKILL);
  close(theirs);
  close(from_clone);
  close(p[0]);
  close(p[1]);
}

static void bytes_move_between_pipes_and_files(void) {
  int a[2], b[2], s[2];
  char path[] = "/tmp/splice-XXXXXX", bytes[64] = "";
  int file = mkstemp(path);
  unlink(path);
  CHECK(pipe(a) == 0 && pipe(b) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  CHECK(write(file, "0123456789", 10) == 10);
  off_t at = 2;
  CHECK(splice(file, &at, a[1], NULL, 5, 0) == 5 && at == 7);
  CHECK(tee(a[0], b[1], 100, 0) == 5);
  CHECK(read(b[0], bytes, sizeof bytes) == 5 && !memcmp(bytes, "23456", 5));
  CHECK(splice(a[0], NULL, b[1], NULL, 3, 0) == 3);
  CHECK(read(b[0], bytes, sizeof bytes) == 3 && !memcmp(bytes, "234", 3));
  CHECK(splice(a[0], NULL, s[0], NULL, 100, SPLICE_F_MORE) == 2);
  CHECK(splice(s[1], NULL, b[1], NULL, 100, 0) == 2);
  at = 20;
  CHECK(splice(b[0], NULL, file, &at, 100, 0) == 2 && at == 22);
  CHECK(pread(file, bytes, sizeof bytes, 20) == 2 && !memcmp(bytes, "56", 2));
  CHECK(splice(a[0], NULL, b[1], NULL, 1, SPLICE_F_NONBLOCK) == -1 && errno == EAGAIN);
  CHECK(splice(a[0], NULL, a[1], NULL, 1, 0) == -1 && errno == EINVAL);
  CHECK(splice(file, NULL, file, NULL, 1, 0) == -1 && errno == EINVAL);
  CHECK(splice(a[0], &at, file, NULL, 1, 0) == -1 && errno == ESPIPE);
  CHECK(splice(a[1], NULL, file, NULL, 1, 0) == -1 && errno == EBADF);
  CHECK(tee(file, b[1], 1, 0) == -1 && errno == EINVAL);
  struct iovec vector = {"from memory", 11};
  CHECK(vmsplice(a[1], &vector, 1, 0) == 11);
  CHECK(read(a[0], bytes, sizeof bytes) == 11 && !memcmp(bytes, "from memory", 11));
  at = 0;
  CHECK(sendfile(s[0], file, &at, 4) == 4 && read(s[1], bytes, sizeof bytes) == 4 && !memcmp(bytes, "0123", 4));
  close(a[1]);
  CHECK(splice(a[0], NULL, b[1], NULL, 1, 0) == 0);
  static char much[100000];
  CHECK(pwrite(file, much, sizeof much, 0) == sizeof much);
  at = 0;
  CHECK(splice(file, &at, b[1], NULL, sizeof much, SPLICE_F_NONBLOCK) == 65536);
  for (int i = 0; i < 2; i++) close(s[i]), close(b[i]);
  close(a[0]);
  close(file);
}

static void events_count(void) {
  int e = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
  uint64_t value;
  for (int i = 0; i < 3; i++) CHECK(read(e, &value, 8) == 8 && value == 1);
  CHECK(read(e, &value, 8) == -1 && errno == EAGAIN);
  value = UINT64_MAX;
  CHECK(write(e, &value, 8) == -1 && errno == EINVAL);
  value = UINT64_MAX - 1;
  CHECK(write(e, &value, 8) == 8);
  value = 1;
  CHECK(write(e, &value, 8) == -1 && errno == EAGAIN);
  close(e);
}

static char seen[1024];
// What has happened since the last look, as text: events, ":name".
static const char *happened(int fd) {
  static const struct { uint32_t bit; const char *name; } names[] = {
      {IN_ACCESS, "access"}, {IN_MODIFY, "modify"}, {IN_ATTRIB, "attrib"}, {IN_CLOSE_WRITE, "closew"}, {IN_CLOSE_NOWRITE, "close"}, {IN_OPEN, "open"},
      {IN_MOVED_FROM, "from"}, {IN_MOVED_TO, "to"}, {IN_CREATE, "create"}, {IN_DELETE, "delete"}, {IN_DELETE_SELF, "gone"}, {IN_MOVE_SELF, "moved"},
      {IN_IGNORED, "ignored"}, {IN_ISDIR, "dir"}};
  union { struct inotify_event align; char bytes[4096]; } buffer;
  ssize_t n = read(fd, &buffer, sizeof buffer);
  seen[0] = 0;
  for (char *at = buffer.bytes; n > 0 && at < buffer.bytes + n;) {
    struct inotify_event *e = (struct inotify_event *)at;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
      if (e->mask & names[i].bit) strcat(strcat(seen, seen[0] && seen[strlen(seen) - 1] != ' ' ? "+" : ""), names[i].name);
    if (e->len) strcat(strcat(seen, ":"), e->name);
    strcat(seen, " ");
    at += sizeof *e + e->len;
  }
  return seen;
}
#define HAPPENED(fd, text) do { const char *now = happened(fd); if (strcmp(now, text)) { printf("line %d: %s, not %s\n", __LINE__, now, text); failures++; } } while (0)

static void watched_directories_tell(void) {
  char directory[] = "/tmp/watch-XXXXXX", bytes[8];
  CHECK(mkdtemp(directory) && chdir(directory) == 0);
  int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  CHECK(fd >= 0 && read(fd, bytes, sizeof bytes) == -1 && errno == EAGAIN);
  int w = inotify_add_watch(fd, ".", IN_ALL_EVENTS);
  CHECK(w == 1 && inotify_add_watch(fd, ".", IN_ALL_EVENTS) == w);
  CHECK(inotify_add_watch(fd, "none", IN_OPEN) == -1 && errno == ENOENT);
  CHECK(inotify_add_watch(fd, ".", 0) == -1 && errno == EINVAL);
  int f = open("f", O_RDWR | O_CREAT, 0600);
  HAPPENED(fd, "create:f open:f ");
  CHECK(write(f, "x", 1) == 1 && pread(f, bytes, 1, 0) == 1 && fchmod(f, 0640) == 0 && ftruncate(f, 0) == 0);
  HAPPENED(fd, "modify:f access:f attrib:f modify:f ");
  close(f);
  HAPPENED(fd, "closew:f ");
  CHECK(mkdir("d", 0700) == 0 && rename("f", "d/g") == 0 && rename("d/g", "h") == 0);
  HAPPENED(fd, "create+dir:d from:f to:h ");
  int file = inotify_add_watch(fd, "h", IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
  CHECK(file == 2 && link("h", "i") == 0);
  HAPPENED(fd, "attrib create:i ");
  CHECK(rename("i", "j") == 0);
  CHECK(unlink("j") == 0 && readable(fd));
  happened(fd);
  CHECK(unlink("h") == 0);
  HAPPENED(fd, "attrib gone ignored delete:h ");
  CHECK(inotify_rm_watch(fd, file) == -1 && errno == EINVAL);
  CHECK(symlink("nowhere", "s") == 0 && rmdir("d") == 0 && unlink("s") == 0);
  HAPPENED(fd, "create:s delete+dir:d delete:s ");
  CHECK(inotify_rm_watch(fd, w) == 0);
  HAPPENED(fd, "ignored ");
  w = inotify_add_watch(fd, ".", IN_CREATE | IN_ONESHOT);
  f = open("once", O_RDWR | O_CREAT, 0600);
  close(f);
  HAPPENED(fd, "create:once ignored ");
  unlink("once");
  CHECK(read(fd, bytes, sizeof bytes) == -1 && errno == EAGAIN);
  close(fd);
  CHECK(chdir("/") == 0 && rmdir(directory) == 0);
}

int main(void) {
  signals_are_read();
  processes_have_descriptors();
  bytes_move_between_pipes_and_files();
  events_count();
  watched_directories_tell();
  printf("%d failures\n", failures);
  return failures != 0;
}
