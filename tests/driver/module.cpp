// SPDX-License-Identifier: BSD-2-Clause
#include "module.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace pl::test {

int insert_module(const char* path, const char* parameters) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  long result = syscall(SYS_finit_module, file, parameters, 0);
  int error = result ? -errno : 0;
  close(file);
  return error;
}

int remove_module(const char* name) { return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0; }

int module_references(const char* name) {
  FILE* modules = std::fopen("/proc/modules", "re");
  if (!modules) return -1;
  char line[256], found[64];
  int references, result = -1;
  while (std::fgets(line, sizeof line, modules))
    if (std::sscanf(line, "%63s %*d %d", found, &references) == 2 && !std::strcmp(found, name)) result = references;
  std::fclose(modules);
  return result;
}

long kernel_kilobytes() {
  FILE* file = std::fopen("/proc/meminfo", "re");
  if (!file) return -1;
  char line[128];
  long kilobytes = -1;
  while (std::fgets(line, sizeof line, file)) std::sscanf(line, "SUnreclaim: %ld", &kilobytes);
  std::fclose(file);
  return kilobytes;
}

}  // namespace pl::test
