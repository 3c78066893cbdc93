// SPDX-License-Identifier: BSD-2-Clause
// Advisory locks. They belong to the open file description behind a handle, so that each instance's are its own although one process serves
// many, and they end when the handle does. Who inside the enclave holds them is the libOS's to know. Nothing here waits.
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

#include "server/operations.h"

namespace pl {
namespace {

Outcome whole_file(int descriptor, uint32_t wanted) {
  int operation;
  switch (wanted) {
    case PL_LOCK_SHARED: operation = LOCK_SH; break;
    case PL_LOCK_EXCLUSIVE: operation = LOCK_EX; break;
    case PL_LOCK_RELEASE: operation = LOCK_UN; break;
    default: return failed(EINVAL);
  }
  if (flock(descriptor, operation | LOCK_NB) < 0) return failed(errno);
  return {};
}

// What is in the way of `lock`, which could not be had.
Outcome tell_blocker(Instance& instance, const pl_request& request, int descriptor, struct flock lock) {
  auto buffer = instance.window().data(request.buffer, request.length);
  if (!buffer || buffer->size() < sizeof(pl_lock)) return failed(EINVAL);
  if (fcntl(descriptor, F_OFD_GETLK, &lock) < 0) return failed(errno);
  if (lock.l_type == F_UNLCK) return {};
  const pl_lock range{static_cast<uint64_t>(lock.l_start), static_cast<uint64_t>(lock.l_len)};
  std::memcpy(buffer->data(), &range, sizeof range);
  return {.value = 1u + (lock.l_type == F_RDLCK ? PL_LOCK_SHARED : PL_LOCK_EXCLUSIVE)};
}

}  // namespace

Outcome operation_lock(Instance& instance, const pl_request& request) {
  const Handle* handle = instance.handles().on_disk(request.handle);
  if (!handle) return failed(EBADF);
  if (request.extra & PL_LOCK_FLOCK) return whole_file(handle->descriptor, request.extra & ~PL_LOCK_FLOCK);

  constexpr uint64_t kOffsetMax = INT64_MAX;
  if (request.offset > kOffsetMax || request.arg[0] > kOffsetMax - request.offset) return failed(EINVAL);
  const bool is_test = request.extra == PL_LOCK_TEST;
  struct flock lock {};
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(request.offset);
  lock.l_len = static_cast<off_t>(request.arg[0]);
  switch (is_test ? request.arg[1] : request.extra) {
    case PL_LOCK_SHARED: lock.l_type = F_RDLCK; break;
    case PL_LOCK_EXCLUSIVE: lock.l_type = F_WRLCK; break;
    case PL_LOCK_RELEASE:
      if (is_test) return failed(EINVAL);
      lock.l_type = F_UNLCK;
      break;
    default: return failed(EINVAL);
  }
  if (is_test) return tell_blocker(instance, request, handle->descriptor, lock);
  if (fcntl(handle->descriptor, F_OFD_SETLK, &lock) < 0) return failed(errno == EACCES ? EAGAIN : errno);
  return {};
}

}  // namespace pl
