// SPDX-License-Identifier: BSD-2-Clause
// Standard input, output and error: never further than asked, never blocking.
#include <poll.h>

#include <cerrno>

#include "server/operations.h"

namespace pl {
namespace {

Outcome transfer(Instance& instance, const pl_request& request, uint32_t event) {
  Handle* handle = instance.handles().stream(request.handle);
  if (!handle) return failed(EBADF);
  auto buffer = instance.window().data(request.buffer, request.length);
  if (!buffer) return failed(EINVAL);
  int result = event == POLLIN ? handle->stream->read(*buffer) : handle->stream->write(*buffer);
  if (result == -EAGAIN && (request.flags & PL_REQUEST_NOTIFY)) instance.notify_when(request.handle, event);
  return {.result = result};
}

}  // namespace

Outcome operation_read(Instance& instance, const pl_request& request) { return transfer(instance, request, POLLIN); }
Outcome operation_write(Instance& instance, const pl_request& request) { return transfer(instance, request, POLLOUT); }

}  // namespace pl
