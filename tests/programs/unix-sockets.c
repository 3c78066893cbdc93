// SPDX-License-Identifier: BSD-2-Clause
// Unix sockets between processes: names, lines, descriptors and credentials, ends. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char directory[64];

static socklen_t name_of(struct sockaddr_un *address, const char *file) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  snprintf(address->sun_path, sizeof address->sun_path, "%s/%s", directory, file);
  return sizeof *address;
}

static int listening(const char *file, int type, int backlog) {
  struct sockaddr_un address;
  int s = socket(AF_UNIX, type, 0);
  socklen_t length = name_of(&address, file);
  CHECK(bind(s, (struct sockaddr *)&address, length) == 0);
  if (backlog >= 0) CHECK(listen(s, backlog) == 0);
  return s;
}

static int send_descriptors(int s, const void *bytes, size_t length, const int *fds, int count) {
  struct iovec vector = {(void *)bytes, length};
  union { struct cmsghdr align; char bytes[CMSG_SPACE(8 * sizeof(int))]; } control;
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (count) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  }
  return (int)sendmsg(s, &message, 0);
}

static int receive_descriptors(int s, char *bytes, size_t length, int *fds, int room, int flags, int *out_flags) {
  struct iovec vector = {bytes, length};
  union { struct cmsghdr align; char bytes[CMSG_SPACE(8 * sizeof(int))]; } control;
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_LEN(room * sizeof(int))};
  int n = (int)recvmsg(s, &message, flags);
  int count = 0;
  for (struct cmsghdr *h = CMSG_FIRSTHDR(&message); n >= 0 && h; h = CMSG_NXTHDR(&message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    count = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(h), count * sizeof(int));
  }
  if (out_flags) *out_flags = message.msg_flags;
  return n < 0 ? n : count;
}

static void processes_talk_over_a_path(void) {
  int server = listening("talk", SOCK_STREAM | SOCK_CLOEXEC, 5);
  pid_t child = fork();
  if (!child) {
    struct sockaddr_un address, peer;
    socklen_t length = name_of(&address, "talk"), peer_length = sizeof peer;
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    int bad = connect(s, (struct sockaddr *)&address, length) != 0;
    bad |= getpeername(s, (struct sockaddr *)&peer, &peer_length) != 0 || strcmp(peer.sun_path, address.sun_path) != 0;
    bad |= peer_length != offsetof(struct sockaddr_un, sun_path) + strlen(address.sun_path) + 1;
    static char big[300000];
    memset(big, 'b', sizeof big);
    bad |= write(s, big, sizeof big) != sizeof big;
    shutdown(s, SHUT_WR);
    char answer[16] = "";
    bad |= read(s, answer, sizeof answer) != 4 || memcmp(answer, "done", 4) != 0;
    _exit(bad);
  }
  struct sockaddr_un peer;
  socklen_t length = sizeof peer;
  int c = accept4(server, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
  CHECK(c >= 0 && length == sizeof(sa_family_t) && peer.sun_family == AF_UNIX);
  CHECK(fcntl(c, F_GETFD) == FD_CLOEXEC);
  struct ucred who;
  socklen_t who_length = sizeof who;
  CHECK(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &who, &who_length) == 0 && who.pid == child && who.uid == getuid() && who.gid == getgid());
  size_t total = 0;
  char buffer[4096];
  for (ssize_t n; (n = read(c, buffer, sizeof buffer)) > 0;) total += (size_t)n;
  CHECK(total == 300000);
  CHECK(write(c, "done", 4) == 4);
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  struct stat st;
  char path[128];
  snprintf(path, sizeof path, "%s/talk", directory);
  CHECK(stat(path, &st) == 0 && S_ISSOCK(st.st_mode));
  CHECK(fstat(server, &st) == 0 && S_ISSOCK(st.st_mode));
  CHECK(open(path, O_RDWR) == -1 && errno == ENXIO);
  close(c);
  close(server);
  CHECK(unlink(path) == 0);
}

static void names_are_checked(void) {
  struct sockaddr_un address;
  int s = socket(AF_UNIX, SOCK_STREAM, 0), t = socket(AF_UNIX, SOCK_STREAM, 0);
  socklen_t length = name_of(&address, "nobody");
  CHECK(connect(s, (struct sockaddr *)&address, length) == -1 && errno == ENOENT);
  CHECK(listen(s, 1) == -1 && errno == EINVAL);
  CHECK(bind(s, (struct sockaddr *)&address, length) == 0);
  CHECK(bind(s, (struct sockaddr *)&address, length) == -1 && errno == EADDRINUSE);
  CHECK(bind(s, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);  // it has a name
  CHECK(bind(t, (struct sockaddr *)&address, length) == -1 && errno == EADDRINUSE);
  CHECK(connect(t, (struct sockaddr *)&address, length) == -1 && errno == ECONNREFUSED);
  CHECK(accept(s, NULL, NULL) == -1 && errno == EINVAL);
  CHECK(send(t, "x", 1, 0) == -1 && errno == ENOTCONN);
  CHECK(recv(t, &address, 1, 0) == -1 && errno == EINVAL);
  CHECK(getpeername(t, (struct sockaddr *)&address, &length) == -1 && errno == ENOTCONN);
  CHECK(bind(t, (struct sockaddr *)&address, 1) == -1 && errno == EINVAL);
  close(s);
  unlink(address.sun_path);
  // Abstract.
  memcpy(address.sun_path, "\0abstract", 9);
  length = offsetof(struct sockaddr_un, sun_path) + 9;
  s = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(s, (struct sockaddr *)&address, length) == 0 && listen(s, 1) == 0);
  CHECK(connect(t, (struct sockaddr *)&address, length) == 0);
  struct sockaddr_un out;
  socklen_t out_length = sizeof out;
  CHECK(getpeername(t, (struct sockaddr *)&out, &out_length) == 0 && out_length == length && memcmp(out.sun_path, "\0abstract", 9) == 0);
  close(s);
  s = socket(AF_UNIX, SOCK_DGRAM, 0);
  address.sun_family = AF_UNIX;
  CHECK(bind(s, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
  out_length = sizeof out;
  CHECK(getsockname(s, (struct sockaddr *)&out, &out_length) == 0 && out_length == sizeof(sa_family_t) + 6 && out.sun_path[0] == 0);
  close(s);
  close(t);
  CHECK(socket(AF_UNIX, 77, 0) == -1 && errno == EINVAL);
  CHECK(socket(AF_UNIX, SOCK_RDM, 0) == -1 && errno == ESOCKTNOSUPPORT);
  CHECK(socket(99, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
  CHECK(send(0x7fff, "x", 1, 0) == -1 && errno == EBADF);
  int p[2];
  CHECK(pipe(p) == 0 && send(p[1], "x", 1, 0) == -1 && errno == ENOTSOCK);
  close(p[0]);
  close(p[1]);
}

static void descriptors_travel(void) {
  int s[2], p[2], got[8], flags;
  char bytes[16];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && pipe(p) == 0);
  pid_t child = fork();
  if (!child) {
    close(s[0]);
    int n = receive_descriptors(s[1], bytes, sizeof bytes, got, 8, MSG_CMSG_CLOEXEC, &flags);
    _exit(n == 1 && fcntl(got[0], F_GETFD) == FD_CLOEXEC && write(got[0], "via", 3) == 3 ? 0 : 1);
  }
  close(s[1]);
  CHECK(send_descriptors(s[0], "x", 1, &p[1], 1) == 1);
  close(p[1]);
  CHECK(read(p[0], bytes, sizeof bytes) == 3 && memcmp(bytes, "via", 3) == 0);
  CHECK(read(p[0], bytes, sizeof bytes) == 0);
  int status;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  close(s[0]);
  close(p[0]);

  // What does not fit is cut, and said.
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  int three[3] = {0, 1, 2};
  CHECK(send_descriptors(s[0], "abc", 3, three, 3) == 3);
  CHECK(receive_descriptors(s[1], bytes, sizeof bytes, got, 2, 0, &flags) == 2 && flags & MSG_CTRUNC);
  close(got[0]);
  close(got[1]);
  // Two messages with descriptors are two reads; what came before goes with the first.
  CHECK(write(s[0], "1", 1) == 1);
  CHECK(send_descriptors(s[0], "2", 1, three, 1) == 1);
  CHECK(write(s[0], "3", 1) == 1);
  CHECK(receive_descriptors(s[1], bytes, sizeof bytes, got, 8, 0, NULL) == 1);
  close(got[0]);
  CHECK(read(s[1], bytes, sizeof bytes) == 1 && bytes[0] == '3');
  int bad = 99;
  CHECK(send_descriptors(s[0], "x", 1, &bad, 1) == -1 && errno == EBADF);
  // A socket sent through itself goes when both ends close.
  CHECK(send_descriptors(s[0], "x", 1, s, 2) == 1);
  close(s[0]);
  close(s[1]);
}

static void credentials_travel(void) {
  int s[2], on = 1;
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
  CHECK(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
  CHECK(write(s[0], "me", 2) == 2);
  char bytes[8];
  union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(struct ucred))]; } control;
  struct iovec vector = {bytes, sizeof bytes};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  CHECK(recvmsg(s[1], &message, 0) == 2);
  struct cmsghdr *h = CMSG_FIRSTHDR(&message);
  struct ucred who = {0, 0, 0};
  CHECK(h && h->cmsg_type == SCM_CREDENTIALS && h->cmsg_len == CMSG_LEN(sizeof who));
  if (h) memcpy(&who, CMSG_DATA(h), sizeof who);
  CHECK(who.pid == getpid() && who.uid == getuid());
  close(s[0]);
  close(s[1]);
}

static volatile sig_atomic_t broken;
static void note_broken(int number) {
  (void)number;
  broken++;
}

static void ends_are_seen(void) {
  int s[2];
  char bytes[64];
  signal(SIGPIPE, note_broken);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  struct pollfd look = {s[0], POLLIN | POLLOUT | POLLRDHUP, 0};
  CHECK(poll(&look, 1, 0) == 1 && look.revents == POLLOUT);
  CHECK(write(s[1], "last", 4) == 4 && close(s[1]) == 0);
  CHECK(poll(&look, 1, 0) == 1 && look.revents == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
  CHECK(read(s[0], bytes, sizeof bytes) == 4 && read(s[0], bytes, sizeof bytes) == 0);
  CHECK(write(s[0], "x", 1) == -1 && errno == EPIPE && broken == 1);
  CHECK(send(s[0], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && broken == 1);
  close(s[0]);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  CHECK(write(s[0], "unread", 6) == 6 && close(s[1]) == 0);
  CHECK(read(s[0], bytes, sizeof bytes) == -1 && errno == ECONNRESET);
  CHECK(read(s[0], bytes, sizeof bytes) == 0);
  close(s[0]);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0);
  CHECK(send(s[0], "one", 3, 0) == 3 && send(s[0], "second", 6, 0) == 6);
  CHECK(recv(s[1], bytes, 2, MSG_TRUNC) == 3);
  CHECK(recv(s[1], bytes, sizeof bytes, MSG_PEEK) == 6 && recv(s[1], bytes, sizeof bytes, 0) == 6);
  CHECK(recv(s[1], bytes, sizeof bytes, MSG_DONTWAIT) == -1 && errno == EAGAIN);
  CHECK(shutdown(s[0], SHUT_RDWR) == 0);
  CHECK(recv(s[1], bytes, sizeof bytes, 0) == 0);
  CHECK(write(s[1], "x", 1) == -1 && errno == EPIPE && broken == 1);
  close(s[0]);
  close(s[1]);
  look.fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(poll(&look, 1, 0) == 1 && look.revents == (POLLOUT | POLLHUP));
  close(look.fd);
}

static void datagrams_have_borders(void) {
  int server = listening("d", SOCK_DGRAM, -1), c = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  struct sockaddr_un address, from;
  socklen_t length = name_of(&address, "d"), from_length = sizeof from;
  char bytes[64];
  CHECK(sendto(c, "unnamed", 7, 0, (struct sockaddr *)&address, length) == 7);
  CHECK(recvfrom(server, bytes, 3, 0, (struct sockaddr *)&from, &from_length) == 3 && from_length == 0);
  CHECK(connect(c, (struct sockaddr *)&address, length) == 0);
  int n = 0;
  while (n < 1000 && write(c, "x", 1) == 1) n++;
  CHECK(n == 11 && errno == EAGAIN);
  struct pollfd look = {c, POLLOUT, 0};
  CHECK(poll(&look, 1, 0) == 0);
  CHECK(read(server, bytes, sizeof bytes) == 1);
  CHECK(poll(&look, 1, 0) == 1);
  int waiting = 0;
  CHECK(ioctl(server, FIONREAD, &waiting) == 0 && waiting == 1);
  close(server);
  CHECK(write(c, "x", 1) == -1 && errno == ECONNREFUSED);
  CHECK(write(c, "x", 1) == -1 && errno == ENOTCONN);
  close(c);
  unlink(address.sun_path);
  struct mmsghdr many[3];
  struct iovec vectors[3];
  int s[2];
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, s) == 0);
  memset(many, 0, sizeof many);
  for (int i = 0; i < 3; i++) {
    vectors[i] = (struct iovec){&"abc"[i], 1};
    many[i].msg_hdr.msg_iov = &vectors[i];
    many[i].msg_hdr.msg_iovlen = 1;
  }
  CHECK(sendmmsg(s[0], many, 3, 0) == 3 && many[2].msg_len == 1);
  for (int i = 0; i < 3; i++) vectors[i] = (struct iovec){bytes + 8 * i, 8};
  CHECK(recvmmsg(s[1], many, 3, MSG_WAITFORONE, NULL) == 3 && bytes[0] == 'a' && bytes[8] == 'b' && bytes[16] == 'c');
  close(s[0]);
  close(s[1]);
}

static void *accept_one(void *argument) {
  usleep(20000);
  int c = accept(*(int *)argument, NULL, NULL);
  return (void *)(long)c;
}

static void a_full_line_waits(void) {
  int server = listening("line", SOCK_STREAM, 0), a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_un address;
  socklen_t length = name_of(&address, "line");
  CHECK(connect(a, (struct sockaddr *)&address, length) == 0);
  CHECK(connect(b, (struct sockaddr *)&address, length) == -1 && errno == EAGAIN);
  fcntl(b, F_SETFL, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, accept_one, &server);
  CHECK(connect(b, (struct sockaddr *)&address, length) == 0);
  void *accepted;
  pthread_join(thread, &accepted);
  close((int)(long)accepted);
  struct timeval soon = {0, 20000};
  CHECK(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
  close(server);
  char byte;
  CHECK(read(b, &byte, 1) == -1 && errno == ECONNRESET);
  close(a);
  close(b);
  unlink(address.sun_path);
  int s[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
  CHECK(read(s[0], &byte, 1) == -1 && errno == EAGAIN);
  close(s[0]);
  close(s[1]);
}

static void epoll_watches_edges(void) {
  int s[2], e = epoll_create1(0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
  struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, {0}}, got;
  CHECK(epoll_ctl(e, EPOLL_CTL_ADD, s[0], &event) == 0);
  CHECK(epoll_wait(e, &got, 1, 0) == 1 && got.events == EPOLLOUT);
  CHECK(epoll_wait(e, &got, 1, 0) == 0);
  CHECK(write(s[1], "x", 1) == 1);
  CHECK(epoll_wait(e, &got, 1, 0) == 1 && got.events == (EPOLLIN | EPOLLOUT));
  CHECK(epoll_wait(e, &got, 1, 0) == 0);
  CHECK(close(s[1]) == 0);
  CHECK(epoll_wait(e, &got, 1, 0) == 1 && got.events == (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP));
  close(s[0]);
  close(e);
}

int main(void) {
  snprintf(directory, sizeof directory, "/tmp/sockets-XXXXXX");
  CHECK(mkdtemp(directory) != NULL);
  processes_talk_over_a_path();
  names_are_checked();
  descriptors_travel();
  credentials_travel();
  ends_are_seen();
  datagrams_have_borders();
  a_full_line_waits();
  epoll_watches_edges();
  rmdir(directory);
  printf("%d failures\n", failures);
  return failures != 0;
}
