// SPDX-License-Identifier: BSD-2-Clause
// Pseudoterminals, sessions and job control. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <utmp.h>
#include <unistd.h>

#include "check.h"

static int master, slave;

static void open_pair(void) {
  struct winsize size = {.ws_row = 24, .ws_col = 80};
  CHECK(openpty(&master, &slave, NULL, NULL, &size) == 0);
}
static void close_pair(void) {
  close(master);
  close(slave);
}

static void type(const char *text) { CHECK(write(master, text, strlen(text)) == (ssize_t)strlen(text)); }

static const char *read_from(int fd) {
  static char text[4][8192];
  static int turn;
  char *place = text[turn++ & 3];
  ssize_t n = read(fd, place, 8191);
  place[n > 0 ? n : 0] = 0;
  return place;
}
static int screen_is(const char *wanted) {
  char text[8192];
  size_t have = 0;
  struct pollfd ready = {master, POLLIN, 0};
  while (have < strlen(wanted) && poll(&ready, 1, 2000) > 0) {
    ssize_t n = read(master, text + have, sizeof text - 1 - have);
    if (n <= 0) break;
    have += (size_t)n;
  }
  text[have] = 0;
  if (strcmp(text, wanted) != 0) printf("screen: '%s', wanted '%s'\n", text, wanted);
  return strcmp(text, wanted) == 0;
}
static void set_modes(tcflag_t on, tcflag_t off, int minimum, int tenths) {
  struct termios modes;
  CHECK(tcgetattr(slave, &modes) == 0);
  modes.c_lflag = (modes.c_lflag | on) & ~off;
  modes.c_cc[VMIN] = (cc_t)minimum;
  modes.c_cc[VTIME] = (cc_t)tenths;
  CHECK(tcsetattr(slave, TCSANOW, &modes) == 0);
}

static void names_and_numbers(void) {
  int m = posix_openpt(O_RDWR | O_NOCTTY);
  CHECK(m >= 0);
  const char *name = ptsname(m);
  CHECK(name && strncmp(name, "/dev/pts/", 9) == 0);
  CHECK(open(name, O_RDWR | O_NOCTTY) < 0 && errno == EIO);  // locked
  CHECK(grantpt(m) == 0 && unlockpt(m) == 0);
  int s = open(name, O_RDWR | O_NOCTTY);
  CHECK(s >= 0 && isatty(s));
  struct stat status, by_name;
  CHECK(fstat(s, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) == 136);
  CHECK(stat(name, &by_name) == 0 && by_name.st_rdev == status.st_rdev && by_name.st_ino == status.st_ino);
  char seen[64] = "";
  CHECK(ttyname_r(s, seen, sizeof seen) == 0 && strcmp(seen, name) == 0);
  close(s);
  close(m);
  CHECK(stat(name, &by_name) < 0 && errno == ENOENT);
}

static void lines_and_echo(void) {
  open_pair();
  type("hello\r");
  CHECK(strcmp(read_from(slave), "hello\n") == 0);
  CHECK(screen_is("hello\r\n"));
  type("ab\x7f" "c\n");
  CHECK(strcmp(read_from(slave), "ac\n") == 0);
  CHECK(screen_is("ab\b \bc\r\n"));
  type("end\x04");
  CHECK(strcmp(read_from(slave), "end") == 0);
  type("\x04");
  CHECK(read(slave, (char[8]){0}, 8) == 0);
  CHECK(screen_is("end"));
  CHECK(write(slave, "a\nb", 3) == 3);
  CHECK(screen_is("a\r\nb"));
  int bytes = -1;
  type("four\nmore");
  struct pollfd ready = {slave, POLLIN | POLLOUT, 0};
  CHECK(poll(&ready, 1, 0) == 1 && ready.revents == (POLLIN | POLLOUT));
  CHECK(ioctl(slave, FIONREAD, &bytes) == 0 && bytes == 5);
  CHECK(tcflush(slave, TCIFLUSH) == 0);
  CHECK(poll(&ready, 1, 0) == 1 && ready.revents == POLLOUT);
  close_pair();
}

static long milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void bytes_and_times(void) {
  open_pair();
  char byte[8];
  set_modes(0, ICANON | ECHO, 0, 0);
  CHECK(read(slave, byte, 1) == 0);
  type("x");
  CHECK(read(slave, byte, 8) == 1 && byte[0] == 'x');
  set_modes(0, ICANON | ECHO, 0, 2);
  long start = milliseconds();
  CHECK(read(slave, byte, 1) == 0);
  long took = milliseconds() - start;
  CHECK(took >= 150);
  set_modes(0, ICANON | ECHO, 3, 1);
  type("ab");
  CHECK(read(slave, byte, 8) == 2);
  set_modes(0, ICANON | ECHO, 2, 0);
  type("cd");
  CHECK(read(slave, byte, 8) == 2 && byte[0] == 'c');
  fcntl(slave, F_SETFL, O_NONBLOCK);
  CHECK(read(slave, byte, 1) < 0 && errno == EAGAIN);
  struct termios raw;
  CHECK(tcgetattr(slave, &raw) == 0);
  cfmakeraw(&raw);
  CHECK(tcsetattr(slave, TCSAFLUSH, &raw) == 0);
  type("\x03\r");
  CHECK(read(slave, byte, 8) == 2 && byte[0] == 3 && byte[1] == '\r');
  CHECK(write(slave, "\n", 1) == 1);
  CHECK(screen_is("\n"));
  close_pair();
}

// The child leads a session on the slave; what it reports is its exit status.
static pid_t start_session(int (*body)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child) return child;
  close(master);
  if (login_tty(slave)) _exit(99);
  _exit(body());
}
static int status_of(pid_t child) {
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static volatile sig_atomic_t got;
static void note(int number) { got = number; }

static int leads_its_session(void) {
  if (tcgetsid(0) != getpid()) return 1;
  if (tcgetpgrp(0) != getpgrp()) return 2;
  int tty = open("/dev/tty", O_RDWR);
  if (tty < 0) return 3;
  struct stat a, b;
  fstat(tty, &a);
  fstat(0, &b);
  if (!isatty(tty)) return 4;
  if (write(tty, "via tty\n", 8) != 8) return 5;
  char line[512] = "";
  FILE *stat = fopen("/proc/self/stat", "r");
  if (!stat || !fgets(line, sizeof line, stat)) return 6;
  int pid, parent, group, session, number, foreground;
  char state;
  if (sscanf(line, "%d (%*[^)]) %c %d %d %d %d %d", &pid, &state, &parent, &group, &session, &number, &foreground) != 7) return 7;
  if (number != (int)b.st_rdev || foreground != getpgrp()) return 8;
  return 0;
}
static int waits_for_a_signal(void) {
  signal(SIGINT, note);
  signal(SIGWINCH, note);
  signal(SIGHUP, note);
  signal(SIGCONT, SIG_IGN);
  if (write(1, "ready\n", 6) != 6) return 1;
  while (!got) pause();
  return got;
}
static int background_reads_and_writes(void) {
  signal(SIGTTOU, SIG_IGN);
  pid_t child = fork();
  if (!child) {
    setpgid(0, 0);
    signal(SIGTTIN, SIG_DFL);
    char byte;
    _exit(read(0, &byte, 1) == 1 ? byte : 98);
  }
  setpgid(child, child);
  int status;
  if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTIN) return 1;
  if (tcsetpgrp(0, child)) return 2;
  kill(-child, SIGCONT);
  if (write(1, "now\n", 4) != 4) return 3;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 'k') return 4;
  if (tcsetpgrp(0, getpgrp())) return 5;
  // A write from the background is allowed, until TOSTOP.
  signal(SIGTTOU, SIG_DFL);
  child = fork();
  if (!child) {
    setpgid(0, 0);
    struct termios modes;
    signal(SIGTTOU, SIG_IGN);
    if (write(1, "bg\n", 3) != 3 || tcgetattr(0, &modes)) _exit(1);
    modes.c_lflag |= TOSTOP;
    if (tcsetattr(0, TCSANOW, &modes)) _exit(2);
    signal(SIGTTOU, SIG_DFL);
    _exit(write(1, "no\n", 3) == 3 ? 0 : 3);
  }
  setpgid(child, child);
  if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTOU) return 6;
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return 0;
}
static int stops_at_a_key(void) {
  pid_t child = fork();
  if (!child) {
    setpgid(0, 0);
    for (;;) pause();
  }
  setpgid(child, child);
  signal(SIGTTOU, SIG_IGN);
  if (tcsetpgrp(0, child)) return 1;
  if (write(1, "go\n", 3) != 3) return 2;
  int status;
  if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTSTP) return 3;
  kill(-child, SIGCONT);
  kill(-child, SIGTERM);
  if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || WTERMSIG(status) != SIGTERM) return 4;
  return 0;
}
static int sees_its_leader_hung_up(void) {
  signal(SIGHUP, note);
  if (write(1, "up\n", 3) != 3) return 1;
  while (!got) pause();
  char byte;
  if (read(0, &byte, 1) != 0) return 2;
  if (write(1, "x", 1) >= 0 || errno != EIO) return 3;
  return got;
}
static int has_no_terminal(void) {
  // Not the leader's child's to take: only a leader opens itself one.
  pid_t child = fork();
  if (!child) {
    setsid();
    if (open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO) _exit(1);
    if (tcgetpgrp(0) >= 0 || errno != ENOTTY) _exit(2);
    if (ioctl(0, TIOCSCTTY, 0) == 0 || errno != EPERM) _exit(3);  // another session's
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

static void sessions(void) {
  open_pair();
  pid_t child = start_session(leads_its_session);
  close(slave);
  CHECK(screen_is("via tty\r\n"));
  CHECK(status_of(child) == 0);
  close(master);

  open_pair();
  child = start_session(waits_for_a_signal);
  close(slave);
  CHECK(screen_is("ready\r\n"));
  type("\x03");
  CHECK(status_of(child) == SIGINT);
  CHECK(screen_is("^C"));
  close(master);

  open_pair();
  child = start_session(waits_for_a_signal);
  close(slave);
  CHECK(screen_is("ready\r\n"));
  struct winsize size = {.ws_row = 30, .ws_col = 90}, seen;
  CHECK(ioctl(master, TIOCSWINSZ, &size) == 0 && ioctl(master, TIOCGWINSZ, &seen) == 0 && seen.ws_col == 90);
  CHECK(status_of(child) == SIGWINCH);
  char byte;
  CHECK(read(master, &byte, 1) < 0 && errno == EIO);  // no slave is open any more
  struct pollfd ready = {master, POLLIN, 0};
  CHECK(poll(&ready, 1, 0) == 1 && (ready.revents & POLLHUP));
  close(master);

  open_pair();
  child = start_session(background_reads_and_writes);
  close(slave);
  CHECK(screen_is("now\r\n"));
  type("k\n");
  CHECK(screen_is("k\r\nbg\r\n"));
  CHECK(status_of(child) == 0);
  close(master);

  open_pair();
  child = start_session(stops_at_a_key);
  close(slave);
  CHECK(screen_is("go\r\n"));
  type("\x1a");
  CHECK(status_of(child) == 0);
  close(master);

  open_pair();
  child = start_session(sees_its_leader_hung_up);
  close(slave);
  CHECK(screen_is("up\r\n"));
  close(master);
  CHECK(status_of(child) == SIGHUP);

  open_pair();
  child = start_session(has_no_terminal);
  close(slave);
  CHECK(status_of(child) == 0);
  close(master);
}

// What a master gives up is what it would have read; what it typed is the slave's.
static void a_master_flushes(void) {
  char text[16];
  int bytes = -1;
  open_pair();
  set_modes(0, ICANON | ECHO | ISIG, 1, 0);
  type("in");
  struct pollfd shown = {master, POLLIN, 0}, typed = {slave, POLLIN, 0};  // Linux hands the bytes over a little later
  CHECK(write(slave, "abcdef", 6) == 6 && poll(&shown, 1, 2000) == 1 && ioctl(master, FIONREAD, &bytes) == 0 && bytes == 6 && read(master, text, 2) == 2);
  CHECK(ioctl(master, TCFLSH, TCOFLUSH) == 0 && read(master, text, 2) == 2 && !memcmp(text, "cd", 2));
  CHECK(ioctl(master, TCFLSH, TCIFLUSH) == 0 && ioctl(master, FIONREAD, &bytes) == 0 && bytes == 0);
  CHECK(write(slave, "XY", 2) == 2 && read(master, text, sizeof text) == 2 && !memcmp(text, "XY", 2));
  CHECK(poll(&typed, 1, 2000) == 1 && ioctl(slave, FIONREAD, &bytes) == 0 && bytes == 2 && read(slave, text, sizeof text) == 2 && !memcmp(text, "in", 2));
  CHECK(ioctl(master, TCFLSH, 3) == -1 && errno == EINVAL);
  close_pair();
}

static void packets(void) {
  open_pair();
  int on = 1;
  CHECK(ioctl(master, TIOCPKT, &on) == 0);
  CHECK(write(slave, "x", 1) == 1);
  char bytes[8];
  CHECK(read(master, bytes, 8) == 2 && bytes[0] == TIOCPKT_DATA && bytes[1] == 'x');
  CHECK(tcflush(slave, TCIFLUSH) == 0);
  CHECK(read(master, bytes, 8) == 1 && bytes[0] == TIOCPKT_FLUSHREAD);
  close_pair();
}

static void a_lot_in_both_directions(void) {
  open_pair();
  set_modes(0, ICANON | ECHO | ISIG, 1, 0);
  fflush(stdout);
  pid_t child = fork();
  if (!child) {
    close(master);
    char buffer[1000];
    size_t sum = 0;
    while (sum < 100000) {
      ssize_t n = read(slave, buffer, sizeof buffer);
      if (n <= 0) _exit(1);
      if (write(slave, buffer, (size_t)n) != n) _exit(2);
      sum += (size_t)n;
    }
    _exit(0);
  }
  fcntl(master, F_SETFL, O_NONBLOCK);
  size_t sent = 0, seen = 0, wrong = 0;
  while (seen < 100000) {
    struct pollfd ready = {master, (short)(POLLIN | (sent < 100000 ? POLLOUT : 0)), 0};
    if (poll(&ready, 1, 5000) <= 0) break;
    char buffer[700];
    if (ready.revents & POLLOUT) {
      size_t n = sizeof buffer < 100000 - sent ? sizeof buffer : 100000 - sent;
      for (size_t i = 0; i < n; i++) buffer[i] = (char)('a' + (sent + i) % 26);
      ssize_t went = write(master, buffer, n);
      if (went > 0) sent += (size_t)went;
    }
    if (ready.revents & POLLIN) {
      ssize_t n = read(master, buffer, sizeof buffer);
      for (ssize_t i = 0; i < n; i++) wrong += buffer[i] != (char)('a' + (seen + (size_t)i) % 26);
      if (n > 0) seen += (size_t)n;
    }
  }
  CHECK(seen == 100000 && wrong == 0);
  CHECK(status_of(child) == 0);
  close_pair();
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  names_and_numbers();
  lines_and_echo();
  bytes_and_times();
  sessions();
  packets();
  a_master_flushes();
  a_lot_in_both_directions();
  printf("%d failures\n", failures);
  return failures != 0;
}
