// SPDX-License-Identifier: BSD-2-Clause
// Processes: made, replaced, and talking to each other.
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"

static int to_child[2], to_parent[2];

static void ping_pong(long n) {
  char byte = 0;
  while (n--)
    if (write(to_child[1], &byte, 1) != 1 || read(to_parent[0], &byte, 1) != 1) die("ping");
}

static pid_t partner;

static void start_partner(void) {
  if (pipe(to_child) || pipe(to_parent)) die("pipe");
  partner = fork();
  if (partner < 0) die("fork");
  if (partner == 0) {
    char byte;
    close(to_child[1]);
    while (read(to_child[0], &byte, 1) == 1)
      if (write(to_parent[1], &byte, 1) != 1) break;
    _exit(0);
  }
}

static void stop_partner(void) {
  close(to_child[0]);
  close(to_child[1]);
  close(to_parent[0]);
  close(to_parent[1]);
  waitpid(partner, 0, 0);
}

static void wait_for(pid_t child) {
  int status;
  if (child < 0) die("fork");
  if (waitpid(child, &status, 0) != child || status) die("waitpid");
}

static void fork_exit_wait(long n) {
  while (n--) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    wait_for(child);
  }
}

static void fork_exec_wait(long n) {
  static char *const arguments[] = {"calls", NOTHING, 0}, *const environment[] = {0};
  while (n--) {
    pid_t child = fork();
    if (child == 0) {
      execve("/proc/self/exe", arguments, environment);
      _exit(127);
    }
    wait_for(child);
  }
}

const struct operation process_operations[] = {
    {"pipe_pingpong", ping_pong, 200, start_partner, stop_partner},
    {"fork_exit_wait", fork_exit_wait, 10, 0, 0},
    {"fork_exec_wait", fork_exec_wait, 10, 0, 0},
    {0},
};
