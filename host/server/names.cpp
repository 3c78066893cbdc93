// SPDX-License-Identifier: BSD-2-Clause
// What changes a directory: making, removing, renaming and linking names, and reading what a link says.
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "server/operations.h"

namespace pl {
namespace {

Outcome result_of(int result) { return {.result = result < 0 ? -errno : result}; }

struct Place {
  Handle* directory;
  Name name;
};

// A name in a directory that may be changed.
std::expected<Place, int> changeable(Instance& instance, uint64_t handle, uint64_t buffer, uint64_t length) {
  Handle* directory = handle <= UINT32_MAX ? instance.handles().directory(static_cast<uint32_t>(handle)) : nullptr;
  if (!directory) return std::unexpected(EBADF);
  if (directory->read_only) return std::unexpected(EROFS);
  auto name = copy_name(instance.window(), buffer, length);
  if (!name) return std::unexpected(name.error());
  return Place{directory, *name};
}

}  // namespace

Outcome operation_mkdir(Instance& instance, const pl_request& request) {
  auto place = changeable(instance, request.handle, request.buffer, request.length);
  if (!place) return failed(place.error());
  return result_of(
      mkdirat(place->directory->descriptor, place->name.text, static_cast<mode_t>(request.arg[0] & 07777)));
}

Outcome operation_unlink(Instance& instance, const pl_request& request) {
  auto place = changeable(instance, request.handle, request.buffer, request.length);
  if (!place) return failed(place.error());
  return result_of(unlinkat(place->directory->descriptor, place->name.text, request.extra == 1 ? AT_REMOVEDIR : 0));
}

Outcome operation_rename(Instance& instance, const pl_request& request) {
  auto from = changeable(instance, request.handle, request.buffer, request.length);
  if (!from) return failed(from.error());
  auto to = changeable(instance, request.arg[0], request.arg[1], request.arg[2]);
  if (!to) return failed(to.error());
  if (from->directory->mount != to->directory->mount) return failed(EXDEV);
  if (request.extra & ~uint32_t{RENAME_NOREPLACE | RENAME_EXCHANGE}) return failed(EINVAL);
  const int from_descriptor = from->directory->descriptor, to_descriptor = to->directory->descriptor;
  // Some file systems know renameat() only.
  if (request.extra == 0) return result_of(renameat(from_descriptor, from->name.text, to_descriptor, to->name.text));
  // By number: musl 1.2.5 has no renameat2(2).
  return result_of(static_cast<int>(syscall(SYS_renameat2, from_descriptor, from->name.text, to_descriptor, to->name.text, request.extra)));
}

Outcome operation_link(Instance& instance, const pl_request& request) {
  Handle* file = instance.handles().file(request.handle);
  if (!file) return failed(EBADF);
  auto place = changeable(instance, request.arg[0], request.buffer, request.length);
  if (!place) return failed(place.error());
  if (file->mount != place->directory->mount) return failed(EXDEV);
  // linkat(2): AT_EMPTY_PATH needs a capability, this way needs none.
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", file->descriptor);
  return result_of(linkat(AT_FDCWD, path, place->directory->descriptor, place->name.text, AT_SYMLINK_FOLLOW));
}

Outcome operation_symlink(Instance& instance, const pl_request& request) {
  auto place = changeable(instance, request.handle, request.buffer, request.length);
  if (!place) return failed(place.error());
  if (request.arg[2] == 0 || request.arg[2] >= PATH_MAX) return failed(request.arg[2] ? ENAMETOOLONG : ENOENT);
  auto bytes = instance.window().data(request.arg[1], request.arg[2]);
  if (!bytes) return failed(EINVAL);
  std::string target(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  if (target.find('\0') != std::string::npos) return failed(EINVAL);
  return result_of(symlinkat(target.c_str(), place->directory->descriptor, place->name.text));
}

Outcome operation_readlink(Instance& instance, const pl_request& request) {
  Handle* directory = instance.handles().directory(request.handle);
  if (!directory) return failed(EBADF);
  auto name = copy_name(instance.window(), request.buffer, request.length);
  if (!name) return failed(name.error());
  auto place = instance.window().data(request.arg[1], request.arg[2]);
  if (!place || place->empty()) return failed(EINVAL);
  return result_of(static_cast<int>(
      readlinkat(directory->descriptor, name->text, reinterpret_cast<char*>(place->data()), place->size())));
}

}  // namespace pl
