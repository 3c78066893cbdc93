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
