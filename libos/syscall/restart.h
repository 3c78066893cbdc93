// SPDX-License-Identifier: BSD-2-Clause
// How a call that slept and was interrupted goes on (signal(7), "Interruption of system calls").
#pragma once

#include "base/error.h"

namespace pl {

// Restarted if the handler has SA_RESTART: read, write, open, flock, ...
template <class T>
ErrorOr<T> restartable(ErrorOr<T> result) {
  if (!result && result.error() == Errno::Interrupted) return fail(Errno::RestartSystemCall);
  return result;
}

// EINTR whenever a handler ran: poll, select, epoll_wait.
template <class T>
ErrorOr<T> interruptible(ErrorOr<T> result) {
  if (!result && result.error() == Errno::Interrupted) return fail(Errno::RestartNoHandler);
  return result;
}

}  // namespace pl
