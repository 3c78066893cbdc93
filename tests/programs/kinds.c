// SPDX-License-Identifier: BSD-2-Clause
// What each kind of descriptor answers to each kind of call: a table, a row a call, a column a kind. Exits with 0 when all is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

#define KINDS(X) X(directory) X(file) X(path) X(null) X(zero) X(readend) X(writeend) X(stream) X(datagram) X(event) X(epoll) X(timer) X(inotify) X(memory) X(master) X(slave) X(signals) X(process) X(proc)
#define NUMBER(name) name,
#define NAME(name) #name,
enum kind { KINDS(NUMBER) Kinds };
static const char *const names[] = {KINDS(NAME)};
static int fds[Kinds];

// The result, or the error's negative.
static long answer(long result) { return result == -1 ? -errno : result; }

#define ROW(call, ...)                                                                                          \
  do {                                                                                                          \
    const long wanted[Kinds] = {__VA_ARGS__};                                                                   \
    for (int kind = 0; kind < Kinds; kind++) {                                                                  \
      int fd = fds[kind];                                                                                       \
      errno = 0;                                                                                                \
      long got = answer((long)(call));                                                                          \
      if (got != wanted[kind]) printf("line %d: %s of %s: %ld, not %ld\n", __LINE__, #call, names[kind], got, wanted[kind]), failures++; \
    }                                                                                                           \
  } while (0)
#define ALL(value) [directory ... proc] = (value)

static char bytes[8192];
static int number;
static int given(int result) { return result ? -1 : number; }

static void places(void) {
  ROW(lseek(fd, 0, 77), ALL(-EINVAL), [path] = -EBADF);
  ROW(lseek(fd, 0, SEEK_CUR), ALL(0), [path] = -EBADF, [readend] = -ESPIPE, [writeend] = -ESPIPE, [stream] = -ESPIPE, [datagram] = -ESPIPE, [master] = -ESPIPE,
      [slave] = -ESPIPE, [process] = -ESPIPE);
  ROW(fallocate(fd, 0, 0, 5), ALL(-ENODEV), [directory] = -EBADF, [file] = 0, [path] = -EBADF, [readend] = -EBADF, [writeend] = -ESPIPE, [inotify] = -EBADF, [memory] = 0,
      [proc] = -EBADF);
  ROW(fallocate(fd, 0, 0, 0), ALL(-EINVAL), [path] = -EBADF);
  ROW(posix_fadvise(fd, 0, 0, 3), ALL(0), [path] = EBADF, [readend] = ESPIPE, [writeend] = ESPIPE);
  ROW(syncfs(fd), ALL(0), [path] = -EBADF);
  ROW(sync_file_range(fd, 0, 10, 0), ALL(-ESPIPE), [directory] = 0, [file] = 0, [path] = -EBADF, [memory] = 0, [proc] = 0);
  struct iovec vector = {bytes, 4};
  ROW(readv(fd, &vector, 0), ALL(0), [path] = -EBADF, [writeend] = -EBADF, [epoll] = -EINVAL, [process] = -EINVAL);
  ROW(futimens(fd, NULL) && errno == EBADF, ALL(0), [path] = 1);
}

static void flags(void) {
  const long large = O_LARGEFILE ? O_LARGEFILE : 0100000;
  ROW(fcntl(fd, F_GETFL), [directory] = O_DIRECTORY | large, [file] = O_RDWR | large, [path] = O_PATH, [null] = O_RDWR | large, [zero] = O_RDWR | large,
      [readend] = O_NONBLOCK, [writeend] = O_NONBLOCK | O_WRONLY, [stream] = O_NONBLOCK | O_RDWR, [datagram] = O_NONBLOCK | O_RDWR, [event] = O_NONBLOCK | O_RDWR,
      [epoll] = O_RDWR, [timer] = O_NONBLOCK | O_RDWR, [inotify] = O_NONBLOCK, [memory] = O_RDWR | large, [master] = O_NONBLOCK | O_RDWR | large,
      [slave] = O_NONBLOCK | O_RDWR | large, [signals] = O_NONBLOCK | O_RDWR, [process] = O_RDWR, [proc] = large);
  ROW(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT), ALL(-EINVAL), [path] = -EBADF, [readend] = 0, [writeend] = 0);
  ROW(fcntl(fd, F_GETLEASE), ALL(F_UNLCK), [path] = -EBADF);
  number = 0;
  ROW(ioctl(fd, FIOASYNC, &number), ALL(0), [path] = -EBADF);
  CHECK(open("kinds-file", O_RDWR | O_DIRECT) == -1 && errno == EINVAL);
}

static void events(void) {
  struct pollfd p;
  ROW((p = (struct pollfd){fd, 0x7fff & ~POLLERR, 0}, poll(&p, 1, 0), p.revents & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLNVAL)),
      ALL(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM), [path] = POLLNVAL, [readend] = 0, [writeend] = POLLOUT | POLLWRNORM, [stream] = POLLOUT | POLLWRNORM,
      [datagram] = POLLOUT | POLLWRNORM, [event] = POLLOUT, [epoll] = 0, [timer] = 0, [inotify] = 0, [master] = POLLOUT | POLLWRNORM, [slave] = POLLOUT | POLLWRNORM,
      [signals] = 0, [process] = 0);
  uint64_t one = 1;
  CHECK(write(fds[event], &one, 8) == 8);
  struct itimerspec soon = {{0, 0}, {0, 1}};
  timerfd_settime(fds[timer], 0, &soon, NULL);
  usleep(1000);
  p = (struct pollfd){fds[event], POLLIN | POLLRDNORM, 0};
  CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN && read(fds[event], &one, 8) == 8);
  p.fd = fds[timer];
  CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN && read(fds[timer], &one, 8) == 8);
  struct epoll_event event_ = {EPOLLIN, {0}};
  ROW(epoll_ctl(fds[epoll], EPOLL_CTL_ADD, fd, &event_), ALL(0), [directory] = -EPERM, [file] = -EPERM, [path] = -EBADF, [null] = -EPERM, [zero] = -EPERM, [epoll] = -EINVAL,
      [memory] = -EPERM, [proc] = -EPERM);
  ROW(epoll_ctl(fds[epoll], EPOLL_CTL_DEL, fd, NULL), ALL(0), [directory] = -EPERM, [file] = -EPERM, [path] = -EBADF, [null] = -EPERM, [zero] = -EPERM, [epoll] = -EINVAL,
      [memory] = -EPERM, [proc] = -EPERM);
  ROW(write(fd, bytes, 0), ALL(0), [directory] = -EBADF, [path] = -EBADF, [readend] = -EBADF, [event] = -EINVAL, [epoll] = -EINVAL, [timer] = -EINVAL, [inotify] = -EBADF,
      [signals] = -EINVAL, [process] = -EINVAL, [proc] = -EBADF);
}

static long type_of(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) ? -1 : (long)status.f_type;
}
static void kinds_of_file_systems(void) {
  enum { Sockets = 0x534f434b, Pipes = 0x50495045, Anonymous = 0x09041934, Terminals = 0x1cd1, Proc = 0x9fa0 };
  const long here = type_of(fds[file]), devices = type_of(fds[null]), memory_ = type_of(fds[memory]), masters = type_of(fds[master]);
  ROW(type_of(fd), ALL(Anonymous), [directory] = here, [file] = here, [path] = here, [null] = devices, [zero] = devices, [readend] = Pipes, [writeend] = Pipes,
      [stream] = Sockets, [datagram] = Sockets, [memory] = memory_, [master] = masters, [slave] = Terminals, [proc] = Proc);
  ROW((number = 0, given(ioctl(fd, FIGETBSZ, &number)) > 0), ALL(1), [path] = 0);
  ROW(ioctl(fd, FICLONE, fds[file]), ALL(-EXDEV), [directory] = -EISDIR, [file] = -EOPNOTSUPP, [path] = -EBADF);
  ROW(ioctl(fd, FS_IOC_FIEMAP, memset(bytes, 0, 64)), ALL(-EOPNOTSUPP), [path] = -EBADF);
  ROW(syscall(SYS_copy_file_range, fd, NULL, fds[file], NULL, 0, 0) && errno == EXDEV, ALL(0), [memory] = 1, [proc] = 1);
}

static void attributes_that_are_not_there(void) {
  ROW(fgetxattr(fd, "user.x", bytes, 10), ALL(-ENODATA), [directory] = -EOPNOTSUPP, [file] = -EOPNOTSUPP, [path] = -EBADF, [memory] = -EOPNOTSUPP, [proc] = -EOPNOTSUPP);
  ROW(fsetxattr(fd, "user.x", "a", 1, 0), ALL(-EPERM), [directory] = -EOPNOTSUPP, [file] = -EOPNOTSUPP, [path] = -EBADF, [memory] = -EOPNOTSUPP, [proc] = -EOPNOTSUPP);
  ROW(fremovexattr(fd, "user.x"), ALL(-EPERM), [directory] = -EOPNOTSUPP, [file] = -EOPNOTSUPP, [path] = -EBADF, [memory] = -EOPNOTSUPP, [proc] = -EOPNOTSUPP);
  ROW(fsetxattr(fd, "user.x", "a", 1, 9), ALL(-EINVAL), [path] = -EBADF);
  ROW(fgetxattr(fd, "bogus", bytes, 10), ALL(-EOPNOTSUPP), [path] = -EBADF);
  CHECK(fsetxattr(fds[file], "", "a", 1, 0) == -1 && errno == ERANGE && fsetxattr(fds[file], "user.x", "a", 100000, 0) == -1 && errno == E2BIG);
  memset(bytes, 'n', 300), bytes[300] = 0;
  CHECK(setxattr("kinds-file", bytes, "a", 1, 0) == -1 && errno == ERANGE && getxattr("no-such", "user.x", bytes, 1) == -1 && errno == ENOENT);
}

static void terminals(void) {
  ROW((number = 9, given(ioctl(fd, TIOCGETD, &number))), ALL(-ENOTTY), [path] = -EBADF, [master] = 0, [slave] = 0);
  ROW((number = 0, ioctl(fd, TIOCSETD, &number)), ALL(-ENOTTY), [path] = -EBADF, [master] = 0, [slave] = 0);
  ROW((number = 9, given(ioctl(fd, TIOCGEXCL, &number))), ALL(-ENOTTY), [path] = -EBADF, [master] = 0, [slave] = 0);
  ROW(tcgetpgrp(fd), ALL(-ENOTTY), [path] = -EBADF, [master] = 0);
  ROW(ioctl(fd, TIOCGSID, &number), ALL(-ENOTTY), [path] = -EBADF);
  char name[64];
  CHECK(ptsname_r(fds[master], name, sizeof name) == 0 && ioctl(fds[slave], TIOCEXCL) == 0 && given(ioctl(fds[slave], TIOCGEXCL, &number)) == 1);
  struct stat st;
  CHECK(fstat(fds[slave], &st) == 0 && given(ioctl(fds[slave], TIOCGDEV, &number)) == (int)st.st_rdev);
  int again = open(name, O_RDWR | O_NOCTTY);  // one may with CAP_SYS_ADMIN
  CHECK(again >= 0 && close(again) == 0);
  chmod(name, 0666);
  pid_t pid = fork();
  if (!pid) _exit(!(setgid(1000) == 0 && setuid(1000) == 0 && open(name, O_RDWR | O_NOCTTY) == -1 && errno == EBUSY));
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  CHECK(ioctl(fds[slave], TIOCNXCL) == 0 && write(fds[slave], "abc", 3) == 3);
  usleep(20000);
  CHECK(given(ioctl(fds[master], FIONREAD, &number)) == 3 && read(fds[master], bytes, 8) == 3);
  // The master knows the foreground of the other side.
  pid = fork();
  if (!pid) {
    setsid();
    ioctl(fds[slave], TIOCSCTTY, 0);
    _exit(!(tcgetpgrp(fds[master]) == getpid() && given(ioctl(fds[master], TIOCGSID, &number)) == getpid() && tcgetpgrp(fds[slave]) == getpid()));
  }
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void memory_and_children(void) {
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(madvise(page, 0, 777) == -1 && errno == EINVAL && madvise(page, 0, MADV_NORMAL) == 0 && madvise(none, 4096, 22) == -1 && errno == EINVAL);
  siginfo_t info;
  pid_t pid = fork();
  if (!pid) _exit(3);
  CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
  // It will never stop, nor go on.
  CHECK(waitid(P_PID, (id_t)pid, &info, WSTOPPED) == -1 && errno == ECHILD && waitid(P_PID, (id_t)pid, &info, WCONTINUED) == -1 && errno == ECHILD && waitpid(pid, NULL, 0) == pid);
}

int main(void) {
  char directory_[] = "/tmp/kinds-XXXXXX";
  int pipes[2], streams[2], datagrams[2];
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  CHECK(mkdtemp(directory_) && chdir(directory_) == 0 && pipe2(pipes, O_NONBLOCK) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, streams) == 0 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, datagrams) == 0);
  fds[directory] = open(".", O_RDONLY | O_DIRECTORY);
  fds[file] = open("kinds-file", O_CREAT | O_RDWR | O_TRUNC, 0644);
  fds[path] = open("kinds-file", O_PATH);
  fds[null] = open("/dev/null", O_RDWR);
  fds[zero] = open("/dev/zero", O_RDWR);
  fds[readend] = pipes[0], fds[writeend] = pipes[1], fds[stream] = streams[0], fds[datagram] = datagrams[0];
  fds[event] = eventfd(0, EFD_NONBLOCK);
  fds[epoll] = epoll_create1(0);
  fds[timer] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  fds[inotify] = inotify_init1(IN_NONBLOCK);
  fds[memory] = memfd_create("memory", 0);
  fds[master] = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  CHECK(unlockpt(fds[master]) == 0);
  fds[slave] = open(ptsname(fds[master]), O_RDWR | O_NOCTTY | O_NONBLOCK);
  fds[signals] = signalfd(-1, &set, SFD_NONBLOCK);
  fds[process] = (int)syscall(SYS_pidfd_open, getpid(), 0);
  fds[proc] = open("/proc/self/status", O_RDONLY);
  for (int i = 0; i < Kinds; i++) CHECK(fds[i] >= 0);
  events();
  places();
  flags();
  kinds_of_file_systems();
  attributes_that_are_not_there();
  terminals();
  memory_and_children();
  unlink("kinds-file");
  rmdir(directory_);
  printf("%d failures\n", failures);
  return failures != 0;
}
