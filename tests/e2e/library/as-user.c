/* SPDX-License-Identifier: BSD-2-Clause */
/* as-user UID GID PROGRAM [ARG...]: runs PROGRAM as another user. */
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 4) return 125;
  gid_t group = (gid_t)atoi(argv[2]);
  if (setgroups(1, &group) || setgid(group) || setuid((uid_t)atoi(argv[1]))) return 125;
  execv(argv[3], argv + 3);
  return 127;
}
