// SPDX-License-Identifier: BSD-2-Clause
// Asks for everything that libos/syscall/accepted.def does not list, and expects the refusal that it names; and for each listed value, which
// is not refused. Then for each number that the table does not have: ENOSYS.
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

struct named { const char *name; unsigned long long value; };
struct row { const char *call, *parameter; int refusal; struct named names[40]; };

enum { ignored = 0 };
#define PL_FLAGS(call, parameter, refusal, ...) {#call, #parameter, refusal, {__VA_ARGS__}},
#define PL_VALUES(...)
#define PL_REFUSED(...)
#define PL_NOTE(...)
static const struct row flag_rows[] = {
#include "syscall/accepted.def"
};
#undef PL_FLAGS
#undef PL_VALUES
#define PL_FLAGS(...)
#define PL_VALUES(call, parameter, refusal, ...) {#call, #parameter, refusal, {__VA_ARGS__}},
static const struct row value_rows[] = {
#include "syscall/accepted.def"
};
#undef PL_VALUES
#undef PL_REFUSED
#define PL_VALUES(...)
#define PL_REFUSED(call, error, why) {#call, why, error, {{0}}},
static const struct row refused_rows[] = {
#include "syscall/accepted.def"
};

static const struct { int number; const char *name, *parameters; } table[] = {
#define PL_SYSCALL(number, name, handler, ...) {number, #name, "" #__VA_ARGS__},
#include "syscall/table.def"
};
enum { CALLS = sizeof table / sizeof *table };

static char *page;
static int file, epoll, pipe_end;

static int number_of(const char *call) {
  for (int i = 0; i < CALLS; ++i)
    if (!strcmp(table[i].name, call)) return i;
  return -1;
}

// Which of the call's arguments it is.
static int place_of(int at, const char *parameter) {
  int place = 0;
  for (const char *text = table[at].parameters;; ++place) {
    const char *end = strchr(text, ','), *space = end ? end : text + strlen(text);
    while (space > text && space[-1] != ' ') space--;
    if (!strncmp(space, parameter, strlen(parameter)) && (space[strlen(parameter)] == ',' || !space[strlen(parameter)])) return place;
    if (!end) return -1;
    text = end + 1;
  }
}

// 0, or the error. What a call has to be given besides so that it gets as far as looking at the parameter.
static int ask(const char *call, const char *parameter, unsigned long long value) {
  long a[6] = {0};
  const int at = number_of(call), place = at < 0 ? -1 : place_of(at, parameter);
  struct epoll_event event = {.events = EPOLLIN};
  if (!strcmp(call, "openat2")) {  // in a structure
    const uint64_t how[3] = {0, 0, value};
    return syscall(table[at].number, -100, "/", how, sizeof how) < 0 ? errno : 0;
  }
  if (place < 0) return -1;
  if (!strcmp(call, "mprotect") || !strcmp(call, "madvise") || !strcmp(call, "msync")) a[0] = (long)page, a[1] = 4096;
  if (!strcmp(call, "mmap")) a[1] = 4096, a[3] = MAP_PRIVATE | MAP_ANONYMOUS;
  if (!strcmp(call, "fallocate")) a[0] = file, a[3] = 4096;
  if (!strcmp(call, "fcntl") || !strcmp(call, "lseek") || !strcmp(call, "fadvise64") || !strcmp(call, "sync_file_range")) a[0] = file;
  if (!strcmp(call, "fcntl")) a[2] = value >= 5 && value != 9 && value != 11 && value < 1030 ? 1 : 0;  // locks: a bad address
  if (!strcmp(call, "rt_sigprocmask")) a[1] = (long)(page + 512), a[3] = 8;
  if (!strcmp(call, "clock_gettime")) a[1] = (long)page;
  if (!strcmp(call, "prctl")) a[1] = value == 38 || value == 47 ? 1 : value == 2 || value == 15 || value == 16 || value == 37 || value == 40 ? (long)page : 0;
  if (!strcmp(call, "futex")) a[0] = (long)(page + 1024), a[2] = 1, a[3] = (long)(page + 2048), a[4] = (long)(page + 1028), a[5] = 1;
  if (!strcmp(call, "epoll_ctl")) a[0] = epoll, a[2] = pipe_end, a[3] = (long)&event;
  if (!strcmp(call, "socket") && place == 0) a[1] = value == 16 ? SOCK_RAW : SOCK_STREAM;
  a[place] = (long)value;
  const long result = syscall(table[at].number, a[0], a[1], a[2], a[3], a[4], a[5]);
  const int error = result < 0 ? errno : 0;
  if (result >= 0 && (!strcmp(call, "socket") || !strcmp(call, "timerfd_create") || (!strcmp(call, "fcntl") && (value == 0 || value == 1030)))) close((int)result);
  return error;
}

static int lists(const struct row *row, unsigned long long value) {
  for (int i = 0; i < 40 && row->names[i].name; ++i)
    if (row->names[i].value == value) return 1;
  return 0;
}

static void complain(const struct row *row, unsigned long long value, int error, const char *what) {
  printf("%s, %s 0x%llx: error %d, %s\n", row->call, row->parameter, value, error, what);
  failures++;
}

int main(void) {
  int ends[2];
  page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  file = memfd_create("accepted", MFD_ALLOW_SEALING);
  CHECK(ftruncate(file, 4096) == 0 && pipe(ends) == 0 && (epoll = epoll_create1(0)) >= 0);
  pipe_end = ends[0];

  for (size_t i = 0; i < sizeof flag_rows / sizeof *flag_rows; ++i) {
    const struct row *row = &flag_rows[i];
    unsigned long long taken = 0;
    for (int n = 0; n < 40 && row->names[n].name; ++n) taken |= row->names[n].value;
    for (int bit = 0; bit < 32 && row->refusal; ++bit) {
      const unsigned long long value = 1ull << bit;
      // The low bits of a socket's type are no flags.
      if (taken & value || (!strcmp(row->parameter, "type") && bit < 4)) continue;
      const int error = ask(row->call, row->parameter, value);
      if (error != row->refusal) complain(row, value, error, "is not listed");
    }
  }
  for (size_t i = 0; i < sizeof value_rows / sizeof *value_rows; ++i) {
    const struct row *row = &value_rows[i];
    for (long value = 0; value < 1100; ++value) {
      if (!strcmp(row->call, "futex") && value & 0x180) continue;  // its flags
      const int error = ask(row->call, row->parameter, (unsigned long long)value);
      if ((error == row->refusal) == lists(row, (unsigned long long)value)) complain(row, (unsigned long long)value, error, lists(row, (unsigned long long)value) ? "is listed" : "is not listed");
    }
  }
  for (size_t i = 0; i < sizeof refused_rows / sizeof *refused_rows; ++i) {
    const int error = syscall(table[number_of(refused_rows[i].call)].number, 0, 0, 0, 0, 0, 0) < 0 ? errno : 0;
    if (error != refused_rows[i].refusal) complain(&refused_rows[i], 0, error, "is always refused");
  }
  for (int twice = 0; twice < 2; ++twice)
    for (int number = 0; number < 600; ++number) {
      int there = 0;
      for (int i = 0; i < CALLS; ++i) there |= table[i].number == number;
      if (!there && !(syscall(number, 0, 0, 0, 0, 0, 0) == -1 && errno == ENOSYS)) printf("%d is not ENOSYS\n", number), failures++;
    }
  return failures ? 1 : 0;
}
