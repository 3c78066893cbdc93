// SPDX-License-Identifier: BSD-2-Clause
// TCP and UDP on the loopback addresses: connections, ports, ends, datagrams, names. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

// The machine's own Linux may come up without its loopback interface.
static void bring_up_loopback(void) {
  struct ifreq lo = {.ifr_name = "lo"};
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (ioctl(s, SIOCGIFFLAGS, &lo) == 0 && !(lo.ifr_flags & IFF_UP)) {
    lo.ifr_flags |= IFF_UP;
    if (ioctl(s, SIOCSIFFLAGS, &lo) != 0) perror("lo");
  }
  close(s);
}

static struct sockaddr_in at(uint32_t host, int port) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(host)}};
}
static int port_of(int s) {
  struct sockaddr_in a;
  socklen_t length = sizeof a;
  CHECK(getsockname(s, (struct sockaddr *)&a, &length) == 0 && length == sizeof a);
  return ntohs(a.sin_port);
}
static int do_bind(int s, struct sockaddr_in a) { return bind(s, (struct sockaddr *)&a, sizeof a); }
static int do_connect(int s, struct sockaddr_in a) { return connect(s, (struct sockaddr *)&a, sizeof a); }
static int tcp(void) { return socket(AF_INET, SOCK_STREAM, 0); }
static int udp(void) { return socket(AF_INET, SOCK_DGRAM, 0); }
static int error_of(int s) {
  int e = -1;
  socklen_t length = sizeof e;
  getsockopt(s, SOL_SOCKET, SO_ERROR, &e, &length);
  return e;
}
static int look(int s) {
  struct pollfd p = {s, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&p, 1, 0);
  return p.revents;
}
// Linux' loopback passes what was sent on in its own time.
static int look_until(int s, int wanted) {
  for (int i = 0; i < 100 && look(s) != wanted; i++) usleep(1000);
  return look(s);
}

static void connection(int *client, int *accepted) {
  int server = tcp();
  CHECK(do_bind(server, at(INADDR_LOOPBACK, 0)) == 0 && listen(server, 5) == 0);
  *client = tcp();
  CHECK(do_connect(*client, at(INADDR_LOOPBACK, port_of(server))) == 0);
  *accepted = accept(server, NULL, NULL);
  CHECK(*accepted >= 0);
  close(server);
}

static void a_server_serves_processes(void) {
  int server = tcp(), on = 1;
  CHECK(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
  CHECK(do_bind(server, at(INADDR_ANY, 0)) == 0 && listen(server, 16) == 0);
  int port = port_of(server);
  for (int i = 0; i < 4; i++) {
    if (fork()) continue;
    close(server);
    int s = tcp();
    static char big[100000], back[100000];
    memset(big, 'a' + i, sizeof big);
    int bad = do_connect(s, at(INADDR_LOOPBACK, port)) != 0;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pid_t writer = fork();
    if (!writer) _exit(write(s, big, sizeof big) != sizeof big || shutdown(s, SHUT_WR) != 0);
    bad |= recv(s, back, sizeof back, MSG_WAITALL) != sizeof back || memcmp(big, back, sizeof big) != 0;
    bad |= read(s, back, 1) != 0;
    int status;
    waitpid(writer, &status, 0);
    _exit(bad || status);
  }
  for (int i = 0; i < 4; i++) {
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    int c = accept4(server, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK);
    CHECK(c >= 0 && length == sizeof peer && peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    fcntl(c, F_SETFL, 0);
    char buffer[5000];
    for (ssize_t n; (n = read(c, buffer, sizeof buffer)) > 0;) CHECK(write(c, buffer, (size_t)n) == n);
    close(c);
  }
  for (int i = 0; i < 4; i++) {
    int status;
    wait(&status);
    CHECK(status == 0);
  }
  close(server);
}

static void ports_are_had_once(void) {
  int a = tcp(), b = tcp(), on = 1;
  CHECK(do_bind(a, at(INADDR_LOOPBACK, 0)) == 0);
  int port = port_of(a);
  CHECK(do_bind(b, at(INADDR_ANY, port)) == -1 && errno == EADDRINUSE);
  CHECK(do_bind(a, at(INADDR_LOOPBACK, 0)) == -1 && errno == EINVAL);
  CHECK(do_bind(b, at(INADDR_LOOPBACK + 1, port)) == 0);
  CHECK(do_connect(tcp(), at(INADDR_LOOPBACK, port)) == -1 && errno == ECONNREFUSED);
  int c = tcp(), d = tcp();
  setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(d, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  CHECK(do_bind(c, at(INADDR_ANY, 0)) == 0);
  CHECK(do_bind(d, at(INADDR_ANY, port_of(c))) == 0);
  CHECK(listen(c, 1) == 0);
  CHECK(listen(d, 1) == -1 && errno == EADDRINUSE);
  int e = udp(), f = udp();
  CHECK(do_bind(e, at(INADDR_ANY, port_of(c))) == 0);
  CHECK(do_bind(f, at(INADDR_ANY, port_of(c))) == -1 && errno == EADDRINUSE);
  struct sockaddr_in outside = at(0x0a0a0a0a, 1);
  CHECK(bind(f, (struct sockaddr *)&outside, sizeof outside) == -1 && errno == EADDRNOTAVAIL);
  CHECK(do_connect(tcp(), outside) == -1 && errno == ENETUNREACH);
  struct sockaddr_in short_one = at(INADDR_ANY, 0);
  CHECK(bind(f, (struct sockaddr *)&short_one, 8) == -1 && errno == EINVAL);
  for (int i = 3; i < 20; i++) close(i);
}

static volatile sig_atomic_t broken;
static void note_broken(int number) {
  (void)number;
  broken++;
}

static void ends_are_seen(void) {
  int c, s;
  char bytes[16];
  signal(SIGPIPE, note_broken);
  connection(&c, &s);
  CHECK(look(c) == POLLOUT);
  CHECK(shutdown(c, SHUT_WR) == 0);
  CHECK(look_until(s, POLLIN | POLLOUT | POLLRDHUP) == (POLLIN | POLLOUT | POLLRDHUP));
  CHECK(read(s, bytes, sizeof bytes) == 0);
  CHECK(write(s, "still", 5) == 5 && recv(c, bytes, 5, MSG_WAITALL) == 5);
  CHECK(write(c, "x", 1) == -1 && errno == EPIPE && broken == 1);
  close(s);
  CHECK(look_until(c, POLLIN | POLLOUT | POLLRDHUP | POLLHUP) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
  close(c);

  connection(&c, &s);
  close(s);
  CHECK(look_until(c, POLLIN | POLLOUT | POLLRDHUP) == (POLLIN | POLLOUT | POLLRDHUP));
  CHECK(read(c, bytes, sizeof bytes) == 0);
  CHECK(write(c, "x", 1) == 1);
  usleep(2000);
  broken = 0;
  CHECK(write(c, "x", 1) == -1 && errno == EPIPE && broken == 1);
  CHECK(read(c, bytes, sizeof bytes) == 0);
  close(c);

  connection(&c, &s);
  CHECK(write(c, "unread", 6) == 6);
  CHECK(look_until(s, POLLIN | POLLOUT) == (POLLIN | POLLOUT));
  close(s);
  int reset = POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR;
  CHECK(look_until(c, reset) == reset);
  CHECK(read(c, bytes, sizeof bytes) == -1 && errno == ECONNRESET);
  CHECK(read(c, bytes, sizeof bytes) == 0);
  close(c);

  connection(&c, &s);
  struct linger linger = {1, 0};
  CHECK(setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
  close(s);
  CHECK(look_until(c, reset) == reset && error_of(c) == ECONNRESET && error_of(c) == 0);
  close(c);
  c = tcp();
  CHECK(look(c) == (POLLOUT | POLLHUP));
  CHECK(read(c, bytes, 1) == -1 && errno == ENOTCONN);
  CHECK(send(c, bytes, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
  CHECK(shutdown(c, SHUT_WR) == -1 && errno == ENOTCONN);
  CHECK(listen(udp(), 1) == -1 && errno == EOPNOTSUPP);
  for (int i = 3; i < 20; i++) close(i);
}

static void a_connection_in_progress_ends(void) {
  int server = tcp(), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CHECK(do_bind(server, at(INADDR_LOOPBACK, 0)) == 0 && listen(server, 1) == 0);
  int n = do_connect(c, at(INADDR_LOOPBACK, port_of(server)));
  CHECK(n == 0 || errno == EINPROGRESS);
  struct pollfd p = {c, POLLOUT, 0};
  CHECK(poll(&p, 1, 1000) == 1 && p.revents == POLLOUT && error_of(c) == 0);
  CHECK(do_connect(c, at(INADDR_LOOPBACK, port_of(server))) == (n == 0 ? -1 : 0) || errno == EISCONN);
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;
  CHECK(getpeername(c, (struct sockaddr *)&peer, &length) == 0 && ntohs(peer.sin_port) == port_of(server));
  int s = accept(server, NULL, NULL);
  CHECK(s >= 0 && write(s, "hello", 5) == 5);
  p.events = POLLIN;
  char bytes[8];
  CHECK(poll(&p, 1, 1000) == 1 && recv(c, bytes, sizeof bytes, MSG_PEEK) == 5 && recv(c, bytes, sizeof bytes, 0) == 5);
  CHECK(recv(c, bytes, 1, 0) == -1 && errno == EAGAIN);
  int waiting = -1, value;
  CHECK(ioctl(c, FIONREAD, &waiting) == 0 && waiting == 0);
  length = sizeof value;
  CHECK(getsockopt(server, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value == 1);
  CHECK(getsockopt(c, SOL_SOCKET, SO_TYPE, &value, &length) == 0 && value == SOCK_STREAM);
  CHECK(getsockopt(c, IPPROTO_TCP, TCP_NODELAY, &value, &length) == 0 && value == 0);
  value = 1;
  CHECK(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) == 0);
  CHECK(setsockopt(c, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value) == 0);
  CHECK(setsockopt(c, IPPROTO_TCP, 12345, &value, sizeof value) == -1 && errno == ENOPROTOOPT);
  close(server);
  close(s);
  close(c);
}

// What servers set before they do anything else: of the one interface, and of multicasts, which go nowhere.
static void options_of_interfaces(void) {
  char name[IFNAMSIZ] = "none";
  socklen_t length = sizeof name;
  int t = tcp(), u = udp(), six = socket(AF_INET6, SOCK_DGRAM, 0), value = -2;
  CHECK(getsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 && length == 0);
  CHECK(setsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, "nowhere", 8) == -1 && errno == ENODEV);
  length = sizeof name;
  CHECK(setsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) == 0 && getsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 && length == 3 && !strcmp(name, "lo"));
  length = 4;
  CHECK(getsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == -1 && errno == EINVAL);
  length = sizeof name;
  CHECK(setsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, "", 0) == 0 && getsockopt(t, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 && length == 0);
  static const struct { int level, name, first, set, then; } rows[] = {
      {IPPROTO_IP, IP_MULTICAST_TTL, 1, 7, 7}, {IPPROTO_IP, IP_MULTICAST_TTL, 7, -1, 1}, {IPPROTO_IP, IP_MULTICAST_LOOP, 1, 0, 0}, {IPPROTO_IP, 49 /* IP_MULTICAST_ALL */, 1, 0, 0},
      {IPPROTO_IP, IP_FREEBIND, 0, 5, 1}, {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1, 9, 9}, {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 9, -1, 1}, {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1, 0, 0},
      {IPPROTO_IPV6, 29 /* IPV6_MULTICAST_ALL */, 1, 0, 0}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 64, 3, 3}, {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 3, -1, 64}};
  for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
    int fd = rows[i].level == IPPROTO_IP ? u : six;
    length = sizeof value;
    if (fd < 0) continue;  // a kernel without IPv6
    int got = getsockopt(fd, rows[i].level, rows[i].name, &value, &length);
    if (got != 0 || value != rows[i].first) printf("row %u: %d at first\n", i, value), failures++;
    CHECK(setsockopt(fd, rows[i].level, rows[i].name, &rows[i].set, sizeof rows[i].set) == 0);
    length = sizeof value;
    got = getsockopt(fd, rows[i].level, rows[i].name, &value, &length);
    if (got != 0 || value != rows[i].then) printf("row %u: %d then\n", i, value), failures++;
  }
  close(t), close(u), close(six);
}

static void datagrams(void) {
  int a = udp(), b = udp();
  char bytes[64];
  CHECK(do_bind(b, at(INADDR_LOOPBACK, 0)) == 0);
  struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(b)), from;
  socklen_t length = sizeof from;
  CHECK(send(a, "x", 1, 0) == -1 && errno == EDESTADDRREQ);
  CHECK(sendto(a, "question", 8, 0, (struct sockaddr *)&to, sizeof to) == 8);
  CHECK(recvfrom(b, bytes, 4, MSG_TRUNC, (struct sockaddr *)&from, &length) == 8 && length == sizeof from && ntohs(from.sin_port) == port_of(a));
  CHECK(sendto(b, "", 0, 0, (struct sockaddr *)&from, length) == 0);
  CHECK(recv(a, bytes, sizeof bytes, 0) == 0);
  CHECK(connect(a, (struct sockaddr *)&to, sizeof to) == 0);
  CHECK(send(a, "connected", 9, 0) == 9 && recv(b, bytes, sizeof bytes, 0) == 9);
  static char large[65508];
  CHECK(send(a, large, sizeof large, 0) == -1 && errno == EMSGSIZE);
  CHECK(recv(b, bytes, sizeof bytes, MSG_DONTWAIT) == -1 && errno == EAGAIN);
  close(b);
  CHECK(send(a, "x", 1, 0) == 1);
  usleep(2000);
  CHECK(recv(a, bytes, sizeof bytes, MSG_DONTWAIT) == -1 && errno == ECONNREFUSED);
  struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  CHECK(connect(a, &nobody, sizeof nobody) == 0);
  CHECK(getpeername(a, (struct sockaddr *)&from, &length) == -1 && errno == ENOTCONN);
  close(a);
}

static void version_6(void) {
  int s = socket(AF_INET6, SOCK_STREAM, 0);
  if (s < 0 && errno == EAFNOSUPPORT) return;  // a Linux without it
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT}, peer;
  CHECK(bind(s, (struct sockaddr *)&any, sizeof any) == 0 && listen(s, 5) == 0);
  socklen_t length = sizeof any;
  CHECK(getsockname(s, (struct sockaddr *)&any, &length) == 0 && length == sizeof any);
  int c = tcp();
  CHECK(do_connect(c, at(INADDR_LOOPBACK, ntohs(any.sin6_port))) == 0);
  int t = accept(s, (struct sockaddr *)&peer, &length);
  CHECK(t >= 0 && IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr) && ntohs(peer.sin6_port) == port_of(c));
  CHECK(do_bind(tcp(), at(INADDR_ANY, ntohs(any.sin6_port))) == -1 && errno == EADDRINUSE);
  int six = socket(AF_INET6, SOCK_STREAM, 0);
  any.sin6_addr = in6addr_loopback;
  CHECK(connect(six, (struct sockaddr *)&any, sizeof any) == 0);
  int u = accept(s, (struct sockaddr *)&peer, &length);
  CHECK(u >= 0 && IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr));
  int only = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
  CHECK(setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
  any.sin6_addr = in6addr_any;
  any.sin6_port = 0;
  CHECK(bind(only, (struct sockaddr *)&any, sizeof any) == 0 && listen(only, 1) == 0);
  CHECK(getsockname(only, (struct sockaddr *)&any, &length) == 0);
  CHECK(do_connect(tcp(), at(INADDR_LOOPBACK, ntohs(any.sin6_port))) == -1 && errno == ECONNREFUSED);
  for (int i = 3; i < 24; i++) close(i);
}

static void interfaces(void) {
  struct ifaddrs *all = NULL;
  int found = 0;
  CHECK(getifaddrs(&all) == 0);
  for (struct ifaddrs *i = all; i; i = i->ifa_next)
    if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && strcmp(i->ifa_name, "lo") == 0 &&
        ((struct sockaddr_in *)i->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK) && i->ifa_flags & IFF_LOOPBACK)
      found++;
  CHECK(found == 1);
  freeifaddrs(all);
  CHECK(if_nametoindex("lo") == 1);
}

int main(void) {
  bring_up_loopback();
  a_server_serves_processes();
  ports_are_had_once();
  ends_are_seen();
  a_connection_in_progress_ends();
  options_of_interfaces();
  datagrams();
  version_6();
  interfaces();
  printf("%d failures\n", failures);
  return failures != 0;
}
