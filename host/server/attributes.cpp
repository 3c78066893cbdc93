// SPDX-License-Identifier: BSD-2-Clause
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "server/operations.h"

namespace pl {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t nanoseconds(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

timespec moment(int64_t time) {
  if (time == PL_TIME_OMIT) return {0, UTIME_OMIT};
  if (time == PL_TIME_NOW) return {0, UTIME_NOW};
  int64_t seconds = time / kSecond, rest = time % kSecond;
  if (rest < 0) seconds -= 1, rest += kSecond;
  return {seconds, rest};
}

}  // namespace

int put_status(std::span<std::byte> place, int descriptor, const char* name) {
  struct stat status;
  if (fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0) return -errno;
  pl_stat out{};
  out.inode = status.st_ino;
  out.size = static_cast<uint64_t>(status.st_size);
  out.blocks = static_cast<uint64_t>(status.st_blocks);
  out.device = status.st_dev;
  out.mode = status.st_mode;
  out.links = static_cast<uint32_t>(status.st_nlink);
  out.uid = status.st_uid;
  out.gid = status.st_gid;
  out.atime = nanoseconds(status.st_atim);
  out.mtime = nanoseconds(status.st_mtim);
  out.ctime = nanoseconds(status.st_ctim);
  out.rdev = status.st_rdev;
  std::memcpy(place.data(), &out, sizeof out);
  return 0;
}

Outcome operation_stat(Instance& instance, const pl_request& request) {
  Handle* handle = instance.handles().find(request.handle);
  if (!handle) return failed(EBADF);
  auto place = instance.window().data(request.buffer, sizeof(pl_stat));
  if (!place) return failed(EINVAL);
  if (handle->kind == Handle::Kind::Stream && handle->descriptor < 0) {  // a channel is a pipe to whoever asks
    pl_stat status{};
    status.mode = S_IFIFO | 0600;
    status.links = 1;
    std::memcpy(place->data(), &status, sizeof status);
    return {};
  }
  return {.result = put_status(*place, handle->descriptor, "")};
}

Outcome operation_lookup(Instance& instance, const pl_request& request) {
  Handle* directory = instance.handles().directory(request.handle);
  if (!directory) return failed(EBADF);
  auto name = copy_name(instance.window(), request.buffer, request.length);
  if (!name) return failed(name.error());
  auto place = behind_name(instance.window(), request, sizeof(pl_stat));
  if (place.empty()) return failed(EINVAL);
  return {.result = put_status(place, directory->descriptor, name->text)};
}

namespace {

// What attributes are set of: an open file, or a name in a directory.
struct Subject {
  int descriptor;
  const char* name;  // "" for the descriptor itself
  int flags() const { return AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH); }
};

// chmod follows links, and a name can become one at any time: by way of a descriptor that is no link.
int set_mode(const Subject& subject, mode_t mode) {
  if (!*subject.name) return fchmod(subject.descriptor, mode) < 0 ? errno : 0;
  int place = openat(subject.descriptor, subject.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (place < 0) return errno;
  struct stat status;
  int error = fstat(place, &status) < 0 ? errno : S_ISLNK(status.st_mode) ? EOPNOTSUPP : 0;
  if (!error) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    if (chmod(path, mode) < 0) error = errno;
  }
  close(place);
  return error;
}

}  // namespace

Outcome operation_attributes(Instance& instance, const pl_request& request) {
  if (request.extra & ~uint32_t{PL_SET_MODE | PL_SET_OWNER | PL_SET_TIMES | PL_SET_NAMED}) return failed(EINVAL);
  const bool named = request.extra & PL_SET_NAMED;
  Handle* handle = named ? instance.handles().directory(request.handle) : instance.handles().on_disk(request.handle);
  if (!handle) return failed(EBADF);
  if (handle->read_only) return failed(EROFS);
  pl_times times{};
  if (request.extra & (PL_SET_TIMES | PL_SET_NAMED)) {
    auto place = instance.window().data(request.buffer, sizeof times);
    if (!place) return failed(EINVAL);
    std::memcpy(&times, place->data(), sizeof times);
  }
  Name name{};
  if (named) {
    auto copied = copy_name(instance.window(), uint64_t{request.buffer} + sizeof times, request.arg[2]);
    if (!copied) return failed(copied.error());
    name = *copied;
  }
  const Subject subject{handle->descriptor, name.text};
  // chown(2) clears the set-id bits, so the mode comes second.
  if (request.extra & PL_SET_OWNER) {
    auto uid = static_cast<uid_t>(request.arg[1]);
    auto gid = static_cast<gid_t>(request.arg[1] >> 32);
    if (fchownat(subject.descriptor, subject.name, uid, gid, subject.flags()) < 0) return failed(errno);
  }
  if (request.extra & PL_SET_MODE) {
    if (int error = set_mode(subject, static_cast<mode_t>(request.arg[0] & 07777))) return failed(error);
  }
  if (request.extra & PL_SET_TIMES) {
    timespec moments[2] = {moment(times.atime), moment(times.mtime)};
    if (named ? utimensat(subject.descriptor, subject.name, moments, AT_SYMLINK_NOFOLLOW) < 0
              : futimens(subject.descriptor, moments) < 0)
      return failed(errno);
  }
  return {};
}

Outcome operation_statfs(Instance& instance, const pl_request& request) {
  Handle* handle = instance.handles().on_disk(request.handle);
  if (!handle) return failed(EBADF);
  auto place = instance.window().data(request.buffer, sizeof(pl_statfs));
  if (!place) return failed(EINVAL);
  struct statfs status;
  if (fstatfs(handle->descriptor, &status) < 0) return failed(errno);
  pl_statfs out{static_cast<uint64_t>(status.f_bsize), status.f_blocks, status.f_bfree,
                status.f_bavail,                       status.f_files,  status.f_ffree};
  std::memcpy(place->data(), &out, sizeof out);
  return {};
}

}  // namespace pl
