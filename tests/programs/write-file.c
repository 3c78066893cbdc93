// SPDX-License-Identifier: BSD-2-Clause
// write-file PATH TEXT: the status is 0 or the errno
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 3) return 1;
  int fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return errno;
  size_t length = strlen(argv[2]);
  if (write(fd, argv[2], length) != (ssize_t)length) return errno ? errno : 1;
  return close(fd) ? errno : 0;
}
