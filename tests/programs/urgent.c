// SPDX-License-Identifier: BSD-2-Clause
// Urgent bytes of Unix and TCP streams, looks at an offset (SO_PEEK_OFF), and signals of sockets and terminals (O_ASYNC). Exits with 0 when
// everything is as Linux has it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "check.h"

#ifndef SIOCATMARK
#define SIOCATMARK 0x8905
#endif

static volatile sig_atomic_t signals, urgents, last_code, last_band;
static void note(int number, siginfo_t *info, void *context) {
  (void)context;
  if (number == SIGURG) {
    urgents++;
    return;
  }
  signals++;
  last_code = info->si_code;
  last_band = (int)info->si_band;
}
static int count(volatile sig_atomic_t *what) {
  int n = *what;
  *what = 0;
  return n;
}

static int events(int fd, int asked) {
  struct pollfd p = {fd, (short)asked, 0};
  poll(&p, 1, 0);
  return p.revents;
}
static int at_mark(int fd) {
  int at = -1;
  return ioctl(fd, SIOCATMARK, &at) ? -errno : at;
}
static int pending(int fd) {
  int n = -1;
  ioctl(fd, FIONREAD, &n);
  return n;
}
// What a read with these flags gets, as text.
static char got[64];
static const char *taken(int fd, size_t most, int flags) {
  ssize_t n = recv(fd, got, most, flags | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN ? "(nothing)" : errno == EINVAL ? "(invalid)" : errno == EOPNOTSUPP ? "(not supported)" : "(error)";
  got[n] = 0;
  return got;
}
#define TAKES(fd, most, flags, wanted) do { const char *t = taken(fd, most, flags); if (strcmp(t, wanted)) { printf("line %d: %s, not %s\n", __LINE__, t, wanted); failures++; } } while (0)

static void pair(int type, int *s) { CHECK(socketpair(AF_UNIX, type, 0, s) == 0); }

static void urgent_bytes(void) {
  int s[2], on = 1;
  pair(SOCK_STREAM, s);
  CHECK(fcntl(s[0], F_SETOWN, getpid()) == 0);
  TAKES(s[0], 10, MSG_OOB, "(invalid)");
  CHECK(send(s[1], "", 0, MSG_OOB) == -1 && errno == EOPNOTSUPP && at_mark(s[0]) == 0);
  CHECK(send(s[1], "abc", 3, MSG_OOB) == 3 && count(&urgents) == 1 && pending(s[0]) == 3 && at_mark(s[0]) == 0);
  CHECK(events(s[0], POLLIN | POLLPRI) == (POLLIN | POLLPRI));
  TAKES(s[0], 10, MSG_OOB | MSG_PEEK, "c");
  TAKES(s[0], 10, MSG_PEEK, "ab");
  TAKES(s[0], 10, MSG_OOB, "c");
  TAKES(s[0], 10, MSG_OOB, "(invalid)");
  CHECK(events(s[0], POLLIN | POLLPRI) == POLLIN && at_mark(s[0]) == 0 && pending(s[0]) == 2);
  CHECK(write(s[1], "de", 2) == 2);
  TAKES(s[0], 10, 0, "ab");  // a read ends where the byte was
  TAKES(s[0], 10, 0, "de");
  // Not taken, it stops a read, and is lost by the next one.
  CHECK(write(s[1], "ab", 2) == 2 && send(s[1], "c", 1, MSG_OOB) == 1 && write(s[1], "de", 2) == 2);
  TAKES(s[0], 1, 0, "a");
  CHECK(at_mark(s[0]) == 0);
  TAKES(s[0], 10, 0, "b");
  CHECK(at_mark(s[0]) == 1 && events(s[0], POLLIN | POLLPRI) == (POLLIN | POLLPRI));
  TAKES(s[0], 10, MSG_PEEK, "de");
  TAKES(s[0], 10, 0, "de");
  TAKES(s[0], 10, MSG_OOB, "(invalid)");
  // A later one makes the earlier a byte like others.
  CHECK(send(s[1], "ab", 2, MSG_OOB) == 2 && send(s[1], "cd", 2, MSG_OOB) == 2);
  TAKES(s[0], 10, 0, "abc");
  CHECK(at_mark(s[0]) == 1);
  TAKES(s[0], 10, MSG_OOB, "d");
  CHECK(at_mark(s[0]) == 0 && count(&urgents) == 3);
  // Alone it is there for poll(), and for nobody else.
  TAKES(s[0], 10, 0, "(nothing)");
  CHECK(send(s[1], "x", 1, MSG_OOB) == 1 && events(s[0], POLLIN | POLLPRI) == (POLLIN | POLLPRI));
  TAKES(s[0], 10, MSG_PEEK, "(nothing)");
  TAKES(s[0], 10, 0, "(nothing)");
  CHECK(events(s[0], POLLIN | POLLPRI) == 0 && pending(s[0]) == 0);
  // In line.
  CHECK(setsockopt(s[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) == 0);
  CHECK(write(s[1], "ab", 2) == 2 && send(s[1], "c", 1, MSG_OOB) == 1 && write(s[1], "de", 2) == 2);
  TAKES(s[0], 10, MSG_OOB, "(invalid)");
  TAKES(s[0], 10, 0, "ab");
  CHECK(at_mark(s[0]) == 1);
  TAKES(s[0], 10, 0, "cde");
  CHECK(at_mark(s[0]) == 0);
  // What the message says of itself.
  char byte;
  struct iovec vector = {&byte, 1};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  on = 0;
  CHECK(setsockopt(s[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) == 0 && send(s[1], "z", 1, MSG_OOB) == 1);
  CHECK(recvmsg(s[0], &message, MSG_OOB) == 1 && byte == 'z' && message.msg_flags == MSG_OOB);
  close(s[1]);
  CHECK(recv(s[0], &byte, 1, MSG_OOB) == -1 && errno == EINVAL && recv(s[0], &byte, 1, 0) == 0);
  close(s[0]);
  for (int which = 0; which < 2; which++) {
    pair(which ? SOCK_DGRAM : SOCK_SEQPACKET, s);
    CHECK(send(s[1], "x", 1, MSG_OOB) == -1 && errno == EOPNOTSUPP && at_mark(s[0]) == -EOPNOTSUPP);
    TAKES(s[0], 10, MSG_OOB, "(not supported)");
    close(s[0]), close(s[1]);
  }
}

static void look_at(int fd, int offset) { CHECK(setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset) == 0); }
static int looks_at(int fd) {
  int offset = -99;
  socklen_t length = sizeof offset;
  CHECK(getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &length) == 0 && length == sizeof offset);
  return offset;
}
static void looks_at_an_offset(void) {
  int s[2];
  pair(SOCK_STREAM, s);
  CHECK(looks_at(s[0]) == -1);
  CHECK(write(s[1], "abcd", 4) == 4 && write(s[1], "efgh", 4) == 4);
  TAKES(s[0], 3, MSG_PEEK, "abc");
  TAKES(s[0], 3, MSG_PEEK, "abc");
  look_at(s[0], 0);
  TAKES(s[0], 3, MSG_PEEK, "abc");
  TAKES(s[0], 3, MSG_PEEK, "def");
  CHECK(looks_at(s[0]) == 6);
  TAKES(s[0], 2, 0, "ab");
  CHECK(looks_at(s[0]) == 4);
  TAKES(s[0], 10, MSG_PEEK, "gh");
  TAKES(s[0], 10, MSG_PEEK, "(nothing)");
  TAKES(s[0], 10, 0, "cdefgh");
  CHECK(looks_at(s[0]) == 0);
  look_at(s[0], 2);
  CHECK(write(s[1], "ab", 2) == 2);
  TAKES(s[0], 10, MSG_PEEK, "(nothing)");
  CHECK(write(s[1], "cd", 2) == 2);
  TAKES(s[0], 10, MSG_PEEK, "cd");
  look_at(s[0], -1);
  TAKES(s[0], 10, MSG_PEEK, "abcd");
  close(s[1]);
  TAKES(s[0], 10, 0, "abcd");
  TAKES(s[0], 10, MSG_PEEK, "");
  close(s[0]);
  for (int which = 0; which < 2; which++) {
    pair(which ? SOCK_DGRAM : SOCK_SEQPACKET, s);
    CHECK(looks_at(s[0]) == -1 && send(s[1], "abc", 3, 0) == 3 && send(s[1], "defg", 4, 0) == 4);
    look_at(s[0], 1);
    TAKES(s[0], 1, MSG_PEEK, "b");
    TAKES(s[0], 10, MSG_PEEK, "c");
    TAKES(s[0], 10, MSG_PEEK, "defg");
    TAKES(s[0], 10, MSG_PEEK, "(nothing)");
    CHECK(looks_at(s[0]) == 7);
    TAKES(s[0], 1, 0, "a");
    CHECK(looks_at(s[0]) == 4);
    TAKES(s[0], 10, 0, "defg");
    CHECK(looks_at(s[0]) == 0);
    close(s[0]), close(s[1]);
  }
  int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0), offset = 0;
  socklen_t length = sizeof offset;
  CHECK(setsockopt(tcp, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof offset) == -1 && errno == EOPNOTSUPP);
  CHECK(getsockopt(tcp, SOL_SOCKET, SO_PEEK_OFF, &offset, &length) == -1 && errno == EOPNOTSUPP && looks_at(udp) == -1);
  close(tcp), close(udp);
}

static int asynchronous(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC); }

static void signals_of_sockets(void) {
  char page[4096] = "";
  int s[2];
  pair(SOCK_STREAM, s);
  CHECK(fcntl(s[1], F_SETOWN, getpid()) == 0 && fcntl(s[1], F_SETSIG, SIGRTMIN) == 0 && fcntl(s[1], F_SETFL, O_NONBLOCK | O_ASYNC) == 0);
  // Nobody is told of room who did not miss it.
  CHECK(write(s[1], page, sizeof page) == sizeof page && read(s[0], page, sizeof page) == sizeof page && count(&signals) == 0);
  while (write(s[1], page, sizeof page) > 0) {
  }
  CHECK(errno == EAGAIN && count(&signals) == 0);
  int reads = 0;
  while (read(s[0], page, sizeof page) > 0 && !signals && reads < 1000) reads++;
  CHECK(count(&signals) == 1 && last_code == POLL_OUT && last_band == (POLLOUT | POLLWRNORM | POLLWRBAND) && events(s[1], POLLOUT) == POLLOUT);
  while (recv(s[0], page, sizeof page, MSG_DONTWAIT) > 0) {
  }
  CHECK(count(&signals) == 0);
  CHECK(write(s[0], "x", 1) == 1 && count(&signals) == 1 && last_code == POLL_IN);
  count(&urgents);
  CHECK(send(s[0], "x", 1, MSG_OOB) == 1 && count(&urgents) == 1);
  count(&signals);
  CHECK(shutdown(s[0], SHUT_WR) == 0 && count(&signals) == 1 && last_code == POLL_IN);
  close(s[0]);
  CHECK(count(&signals) >= 1 && last_code == POLL_HUP);
  close(s[1]);
  // Who cannot, keeps quiet about it, but for the ioctl.
  int e = eventfd(0, 0), on = 1, off = 0;
  CHECK(asynchronous(e) == 0 && !(fcntl(e, F_GETFL) & O_ASYNC) && ioctl(e, FIOASYNC, &on) == -1 && errno == ENOTTY && ioctl(e, FIOASYNC, &off) == 0);
  close(e);
}

static void signals_of_terminals(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY), slave = -1;
  CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) >= 0);
  CHECK(fcntl(slave, F_SETSIG, SIGRTMIN) == 0 && asynchronous(slave) == 0 && fcntl(slave, F_GETFL) & O_ASYNC);
  CHECK(fcntl(slave, F_GETOWN) == getpid());  // without a foreground, who asked
  // A line at a time; what is not finished is nobody's concern yet.
  CHECK(write(master, "ab", 2) == 2 && (usleep(20000), count(&signals) == 0));
  CHECK(write(master, "c\n", 2) == 2 && (usleep(20000), count(&signals) == 1) && last_code == POLL_IN && last_band == (POLLIN | POLLRDNORM));
  char bytes[64];
  CHECK(read(slave, bytes, sizeof bytes) == 4 && count(&signals) == 0);
  struct termios modes;
  CHECK(tcgetattr(slave, &modes) == 0);
  modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  CHECK(tcsetattr(slave, TCSANOW, &modes) == 0);
  usleep(20000);
  count(&signals);
  CHECK(write(master, "d", 1) == 1 && (usleep(20000), count(&signals) == 1) && last_code == POLL_IN && read(slave, bytes, sizeof bytes) == 1);
  // The other end.
  while (read(master, bytes, 4) == 4 && events(master, POLLIN)) {
  }
  CHECK(fcntl(master, F_SETOWN, getpid()) == 0 && fcntl(master, F_SETSIG, SIGRTMIN) == 0 && asynchronous(master) == 0);
  count(&signals);
  CHECK(write(slave, "out", 3) == 3 && (usleep(20000), count(&signals) == 1) && last_code == POLL_IN && read(master, bytes, sizeof bytes) == 3);
  CHECK(fcntl(master, F_SETFL, O_RDWR) == 0 && write(slave, "out", 3) == 3 && (usleep(20000), count(&signals) == 0));
  close(slave), close(master);
  CHECK(count(&signals) == 0);
  // Of a controlling terminal the foreground is told.
  pid_t pid = fork();
  if (!pid) {
    failures = 0;
    CHECK(setsid() == getpid());
    master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(unlockpt(master) == 0 && (slave = open(ptsname(master), O_RDWR)) >= 0 && asynchronous(slave) == 0 && fcntl(slave, F_GETOWN) == -getpgrp());
    CHECK(write(master, "line\n", 5) == 5 && (usleep(20000), count(&signals) == 1) && last_code == SI_KERNEL);
    fflush(stdout);
    _exit(failures);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = note;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGIO, &action, NULL);
  sigaction(SIGURG, &action, NULL);
  sigaction(SIGRTMIN, &action, NULL);
  urgent_bytes();
  looks_at_an_offset();
  signals_of_sockets();
  signals_of_terminals();
  printf("%d failures\n", failures);
  return failures != 0;
}
