// SPDX-License-Identifier: BSD-2-Clause
// Sockets in the finer points: ports that are shared, urgent data, options, time limits, flags of messages. Exits with 0 when everything is
// as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static void bring_up_loopback(void) {
  struct ifreq lo = {.ifr_name = "lo"};
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (ioctl(s, SIOCGIFFLAGS, &lo) == 0 && !(lo.ifr_flags & IFF_UP)) {
    lo.ifr_flags |= IFF_UP;
    ioctl(s, SIOCSIFFLAGS, &lo);
  }
  close(s);
}

static char bytes[1 << 16];
static struct sockaddr_in at(int port) { return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}}; }
static int port_of(int s) {
  struct sockaddr_in a;
  socklen_t length = sizeof a;
  CHECK(getsockname(s, (struct sockaddr *)&a, &length) == 0);
  return ntohs(a.sin_port);
}
static int bind_to(int s, int port) { struct sockaddr_in a = at(port); return bind(s, (struct sockaddr *)&a, sizeof a); }
static int connect_to(int s, int port) { struct sockaddr_in a = at(port); return connect(s, (struct sockaddr *)&a, sizeof a); }
static int set(int s, int level, int option, int value) { return setsockopt(s, level, option, &value, sizeof value); }
static int get(int s, int level, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  return getsockopt(s, level, option, &value, &length) == 0 ? value : -1;
}
static void connection(int s[2]) {
  int server = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind_to(server, 0) == 0 && listen(server, 5) == 0);
  s[0] = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect_to(s[0], port_of(server)) == 0 && (s[1] = accept(server, NULL, NULL)) >= 0);
  close(server);
}
static int waits_for(int s, int events) {
  struct pollfd p = {s, (short)events, 0};
  return poll(&p, 1, 2000) == 1 ? p.revents : 0;
}

static void ports_are_shared(void) {
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
    int a = socket(AF_INET, type, 0), b = socket(AF_INET, type, 0), c = socket(AF_INET, type, 0);
    CHECK(set(a, SOL_SOCKET, SO_REUSEPORT, 1) == 0 && get(a, SOL_SOCKET, SO_REUSEPORT) == 1 && bind_to(a, 0) == 0);
    int port = port_of(a);
    CHECK(bind_to(c, port) == -1 && errno == EADDRINUSE);
    CHECK(set(b, SOL_SOCKET, SO_REUSEPORT, 1) == 0 && bind_to(b, port) == 0);
    if (type == SOCK_STREAM) {
      CHECK(listen(a, 8) == 0 && listen(b, 8) == 0);
      // Each connection comes to one of them.
      int client[6], come = 0;
      for (int i = 0; i < 6; i++) {
        client[i] = socket(AF_INET, type, 0);
        CHECK(connect_to(client[i], port) == 0);
      }
      fcntl(a, F_SETFL, O_NONBLOCK), fcntl(b, F_SETFL, O_NONBLOCK);
      for (int s, i = 0; i < 200 && come < 6; i++) {
        while ((s = accept(a, NULL, NULL)) >= 0) come++, close(s);
        while ((s = accept(b, NULL, NULL)) >= 0) come++, close(s);
        usleep(1000);
      }
      CHECK(come == 6);
      for (int i = 0; i < 6; i++) close(client[i]);
    } else {
      int sender = socket(AF_INET, type, 0), come = 0;
      for (int i = 0; i < 6; i++) {
        struct sockaddr_in to = at(port);
        CHECK(sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1);
      }
      for (int i = 0; i < 200 && come < 6; i++) {
        while (recv(a, bytes, 9, MSG_DONTWAIT) == 1) come++;
        while (recv(b, bytes, 9, MSG_DONTWAIT) == 1) come++;
        usleep(1000);
      }
      CHECK(come == 6);
      close(sender);
    }
    close(a), close(b), close(c);
  }
}

static volatile sig_atomic_t urgent;
static void note_urgent(int number) { urgent = number; }

static void urgent_data(void) {
  int s[2], mark;
  connection(s);
  signal(SIGURG, note_urgent);
  CHECK(fcntl(s[1], F_SETOWN, getpid()) == 0);
  CHECK(recv(s[1], bytes, 1, MSG_OOB) == -1 && errno == EINVAL);
  CHECK(send(s[0], "before", 6, 0) == 6 && send(s[0], "xU", 2, MSG_OOB) == 2 && send(s[0], "after", 5, 0) == 5);
  CHECK(waits_for(s[1], POLLPRI) == POLLPRI && urgent == SIGURG);
  CHECK(ioctl(s[1], SIOCATMARK, &mark) == 0 && mark == 0);
  CHECK(recv(s[1], bytes, 9, MSG_OOB | MSG_PEEK) == 1 && bytes[0] == 'U');
  CHECK(recv(s[1], bytes, 9, MSG_OOB) == 1 && bytes[0] == 'U');
  CHECK(recv(s[1], bytes, 9, MSG_OOB) == -1 && errno == EINVAL);
  // A read stops at the mark.
  CHECK(recv(s[1], bytes, 100, 0) == 7 && !memcmp(bytes, "beforex", 7));
  CHECK(ioctl(s[1], SIOCATMARK, &mark) == 0 && mark == 1);
  usleep(2000);
  CHECK(recv(s[1], bytes, 100, 0) == 5 && !memcmp(bytes, "after", 5));
  CHECK(ioctl(s[1], SIOCATMARK, &mark) == 0 && mark == 0);
  // Inline it is a byte like others.
  CHECK(set(s[1], SOL_SOCKET, SO_OOBINLINE, 1) == 0 && get(s[1], SOL_SOCKET, SO_OOBINLINE) == 1);
  CHECK(send(s[0], "a", 1, 0) == 1 && send(s[0], "!", 1, MSG_OOB) == 1 && send(s[0], "b", 1, 0) == 1);
  CHECK(waits_for(s[1], POLLPRI) == POLLPRI);
  usleep(2000);
  CHECK(recv(s[1], bytes, 9, MSG_OOB) == -1 && errno == EINVAL);
  CHECK(recv(s[1], bytes, 100, 0) == 1 && bytes[0] == 'a');
  CHECK(recv(s[1], bytes, 100, 0) == 2 && !memcmp(bytes, "!b", 2));
  struct epoll_event event = {.events = EPOLLPRI}, found;
  int e = epoll_create1(0);
  CHECK(epoll_ctl(e, EPOLL_CTL_ADD, s[1], &event) == 0 && epoll_wait(e, &found, 1, 0) == 0);
  CHECK(send(s[0], "?", 1, MSG_OOB) == 1 && epoll_wait(e, &found, 1, 2000) == 1 && found.events == EPOLLPRI);
  close(e), close(s[0]), close(s[1]);
  int d = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(bind_to(d, 0) == 0 && connect_to(d, port_of(d)) == 0 && send(d, "x", 1, MSG_OOB) == -1 && errno == EOPNOTSUPP);
  close(d);
}

static void options_are_kept(void) {
  int s[2];
  connection(s);
  CHECK(set(s[0], SOL_SOCKET, SO_SNDBUF, 5000) == 0 && get(s[0], SOL_SOCKET, SO_SNDBUF) == 10000 && set(s[0], SOL_SOCKET, SO_RCVBUF, 1) == 0 && get(s[0], SOL_SOCKET, SO_RCVBUF) == 2304);
  CHECK(get(s[0], SOL_SOCKET, SO_DOMAIN) == AF_INET && get(s[0], SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP && get(s[0], SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
  CHECK(set(s[0], IPPROTO_TCP, TCP_NODELAY, 1) == 0 && get(s[0], IPPROTO_TCP, TCP_NODELAY) == 1 && set(s[0], IPPROTO_TCP, TCP_KEEPIDLE, 77) == 0 && get(s[0], IPPROTO_TCP, TCP_KEEPIDLE) == 77);
  CHECK(set(s[0], IPPROTO_TCP, TCP_KEEPIDLE, 0) == -1 && errno == EINVAL && set(s[0], IPPROTO_TCP, TCP_CORK, 1) == 0 && set(s[0], IPPROTO_TCP, TCP_CORK, 0) == 0);
  CHECK(set(s[0], IPPROTO_IP, IP_TOS, 16) == 0 && get(s[0], IPPROTO_IP, IP_TOS) == 16 && set(s[0], IPPROTO_IP, IP_TTL, 9) == 0 && get(s[0], IPPROTO_IP, IP_TTL) == 9 && set(s[0], IPPROTO_IP, IP_TTL, 999) == -1 && errno == EINVAL);
  struct linger linger = {1, 5}, seen;
  socklen_t length = sizeof seen;
  CHECK(setsockopt(s[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0 && getsockopt(s[0], SOL_SOCKET, SO_LINGER, &seen, &length) == 0 && seen.l_onoff == 1 && seen.l_linger == 5);
  struct tcp_info info;
  length = sizeof info;
  CHECK(getsockopt(s[0], IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == TCP_ESTABLISHED);
  CHECK(set(s[0], SOL_SOCKET, 9999, 1) == -1 && errno == ENOPROTOOPT && set(s[0], 9999, 1, 1) == -1 && errno == ENOPROTOOPT);
  CHECK(set(s[0], SOL_SOCKET, SO_TYPE, 1) == -1 && errno == ENOPROTOOPT && setsockopt(s[0], SOL_SOCKET, SO_REUSEADDR, "", 1) == -1 && errno == EINVAL);
  // SO_LINGER with time waits, and what was sent arrives.
  CHECK(write(s[0], "last", 4) == 4 && close(s[0]) == 0 && recv(s[1], bytes, 9, MSG_WAITALL) == 4 && read(s[1], bytes, 9) == 0);
  close(s[1]);
}

static long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
static void time_limits(void) {
  int s[2];
  connection(s);
  struct timeval soon = {0, 30000};
  CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0 && setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) == 0);
  long begin = now();
  CHECK(recv(s[0], bytes, 1, 0) == -1 && errno == EAGAIN && now() - begin >= 30);
  begin = now();
  while (send(s[0], bytes, sizeof bytes, 0) > 0) {
  }
  CHECK(errno == EAGAIN && now() - begin >= 30);
  soon.tv_usec = 1000000;
  CHECK(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == -1 && errno == EDOM);
  close(s[0]), close(s[1]);
  int server = socket(AF_INET, SOCK_STREAM, 0);
  soon.tv_usec = 20000;
  CHECK(bind_to(server, 0) == 0 && listen(server, 1) == 0 && setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
  CHECK(accept(server, NULL, NULL) == -1 && errno == EAGAIN);
  close(server);
}

static void requests_of_interfaces(void) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq r = {.ifr_name = "lo"};
  CHECK(ioctl(s, SIOCGIFFLAGS, &r) == 0 && r.ifr_flags & IFF_LOOPBACK && r.ifr_flags & IFF_UP);
  CHECK(ioctl(s, SIOCGIFMTU, &r) == 0 && r.ifr_mtu == 65536);
  CHECK(ioctl(s, SIOCGIFINDEX, &r) == 0 && r.ifr_ifindex == 1);
  CHECK(ioctl(s, SIOCGIFADDR, &r) == 0 && ((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  CHECK(ioctl(s, SIOCGIFNETMASK, &r) == 0 && ((struct sockaddr_in *)&r.ifr_netmask)->sin_addr.s_addr == htonl(0xff000000));
  CHECK(ioctl(s, SIOCGIFHWADDR, &r) == 0 && r.ifr_hwaddr.sa_family == 772);
  r.ifr_ifindex = 1;
  CHECK(ioctl(s, SIOCGIFNAME, &r) == 0 && !strcmp(r.ifr_name, "lo"));
  struct ifreq list[4];
  struct ifconf all = {.ifc_len = sizeof list, .ifc_req = list};
  CHECK(ioctl(s, SIOCGIFCONF, &all) == 0 && all.ifc_len == sizeof *list && !strcmp(list[0].ifr_name, "lo"));
  strcpy(r.ifr_name, "none");
  CHECK(ioctl(s, SIOCGIFFLAGS, &r) == -1 && errno == ENODEV);
  int value;
  CHECK(ioctl(s, TIOCOUTQ, &value) == 0 && value == 0 && ioctl(s, 0x12345, &value) == -1 && errno == ENOTTY);
  close(s);
}

static void flags_of_messages(void) {
  int s[2];
  connection(s);
  CHECK(send(s[0], "part", 4, MSG_MORE) == 4 && send(s[0], "whole", 5, 0) == 5 && recv(s[1], bytes, 9, MSG_WAITALL) == 9);
  CHECK(send(s[0], "discard", 7, 0) == 7 && waits_for(s[1], POLLIN) == POLLIN && recv(s[1], NULL, 4, MSG_TRUNC) == 4 && recv(s[1], bytes, 9, 0) == 3 && !memcmp(bytes, "ard", 3));
  CHECK(send(s[0], "peek", 4, 0) == 4 && waits_for(s[1], POLLIN) == POLLIN && recv(s[1], bytes, 2, MSG_PEEK) == 2 && recv(s[1], bytes, 9, MSG_PEEK) == 4 && recv(s[1], bytes, 9, 0) == 4);
  CHECK(recv(s[1], bytes, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN && recv(s[1], bytes, 1, MSG_ERRQUEUE) == -1 && errno == EAGAIN);
  close(s[0]), close(s[1]);
  CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s) == 0 && send(s[0], "record", 6, MSG_EOR) == 6);
  struct iovec v = {bytes, 3};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
  CHECK(recvmsg(s[1], &m, 0) == 3 && m.msg_flags == MSG_TRUNC);
  close(s[0]), close(s[1]);
  // Version 6 alone beside version 4 at one port.
  int six = socket(AF_INET6, SOCK_STREAM, 0), four = socket(AF_INET, SOCK_STREAM, 0);
  if (six >= 0) {
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    struct sockaddr_in any4 = {.sin_family = AF_INET};
    socklen_t length = sizeof any;
    CHECK(set(six, IPPROTO_IPV6, IPV6_V6ONLY, 1) == 0 && bind(six, (struct sockaddr *)&any, sizeof any) == 0 && getsockname(six, (struct sockaddr *)&any, &length) == 0);
    any4.sin_port = any.sin6_port;
    CHECK(bind(four, (struct sockaddr *)&any4, sizeof any4) == 0);
  }
  close(six), close(four);
}

int main(void) {
  bring_up_loopback();
  ports_are_shared();
  urgent_data();
  options_are_kept();
  time_limits();
  requests_of_interfaces();
  flags_of_messages();
  printf("%d failures\n", failures);
  return failures != 0;
}
