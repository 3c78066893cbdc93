// SPDX-License-Identifier: BSD-2-Clause
// Regular files: their bytes go between the page cache and the window without a copy of ours.
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <cerrno>

#include "server/operations.h"

namespace pl {
namespace {

constexpr uint64_t kOffsetMax = INT64_MAX;

Outcome result_of(ssize_t result) { return {.result = result < 0 ? -errno : static_cast<int32_t>(result)}; }

Handle* writable_file(Instance& instance, uint32_t number) {
  Handle* handle = instance.handles().file(number);
  return handle && handle->writable ? handle : nullptr;
}

}  // namespace

Outcome operation_pread(Instance& instance, const pl_request& request) {
  Handle* handle = instance.handles().file(request.handle);
  if (!handle || !handle->readable) return failed(EBADF);
  auto buffer = instance.window().data(request.buffer, request.length);
  if (!buffer || request.offset > kOffsetMax) return failed(EINVAL);
  return result_of(pread(handle->descriptor, buffer->data(), buffer->size(), static_cast<off_t>(request.offset)));
}

Outcome operation_pwrite(Instance& instance, const pl_request& request) {
  Handle* handle = writable_file(instance, request.handle);
  if (!handle) return failed(EBADF);
  auto buffer = instance.window().data(request.buffer, request.length);
  if (!buffer || request.offset > kOffsetMax) return failed(EINVAL);
  return result_of(pwrite(handle->descriptor, buffer->data(), buffer->size(), static_cast<off_t>(request.offset)));
}

Outcome operation_truncate(Instance& instance, const pl_request& request) {
  Handle* handle = writable_file(instance, request.handle);
  if (!handle) return failed(EBADF);
  if (request.offset > kOffsetMax) return failed(EINVAL);
  return result_of(ftruncate(handle->descriptor, static_cast<off_t>(request.offset)));
}

Outcome operation_sync(Instance& instance, const pl_request& request) {
  Handle* handle = instance.handles().on_disk(request.handle);
  if (!handle) return failed(EBADF);
  return result_of(request.extra == 1 ? fdatasync(handle->descriptor) : fsync(handle->descriptor));
}

// Locks of the open file description (fcntl(2), F_OFD_SETLK): other processes see them; who inside the enclave holds
// one is the libOS's to know.
Outcome operation_lock(Instance& instance, const pl_request& request) {
  Handle* handle = instance.handles().file(request.handle);
  if (!handle) return failed(EBADF);
  if (request.offset > kOffsetMax || request.arg[0] > kOffsetMax - request.offset) return failed(EINVAL);
  struct flock lock {};
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(request.offset);
  lock.l_len = static_cast<off_t>(request.arg[0]);
  switch (request.extra) {
    case PL_LOCK_SHARED: lock.l_type = F_RDLCK; break;
    case PL_LOCK_EXCLUSIVE:
    case PL_LOCK_TEST: lock.l_type = F_WRLCK; break;
    case PL_LOCK_RELEASE: lock.l_type = F_UNLCK; break;
    default: return failed(EINVAL);
  }
  if (request.extra == PL_LOCK_TEST) {
    if (fcntl(handle->descriptor, F_OFD_GETLK, &lock) < 0) return failed(errno);
    return {.value = lock.l_type == F_UNLCK ? 0u : 1u};
  }
  if (fcntl(handle->descriptor, F_OFD_SETLK, &lock) < 0) return failed(errno == EACCES ? EAGAIN : errno);
  return {};
}

Outcome operation_allocate(Instance& instance, const pl_request& request) {
  Handle* handle = writable_file(instance, request.handle);
  if (!handle) return failed(EBADF);
  constexpr uint32_t kModes = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
  if (request.extra & ~kModes) return failed(EOPNOTSUPP);
  if (request.offset > kOffsetMax || request.arg[0] > kOffsetMax) return failed(EINVAL);
  return result_of(fallocate(handle->descriptor, static_cast<int>(request.extra), static_cast<off_t>(request.offset),
                             static_cast<off_t>(request.arg[0])));
}

}  // namespace pl
