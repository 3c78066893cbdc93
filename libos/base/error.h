// SPDX-License-Identifier: BSD-2-Clause
// Errors are values: every fallible function of the libOS returns ErrorOr<T>; the error is a Linux errno.
#pragma once

#include <expected>

namespace pl {

// Linux's numbers (uapi asm-generic/errno.h), as programs see them.
enum class Errno : int {
  Perm = 1, NoEntry = 2, NoProcess = 3, Interrupted = 4, Io = 5, NoDeviceAddress = 6, TooBig = 7, NotExecutable = 8,
  BadDescriptor = 9, NoChild = 10, Again = 11, NoMemory = 12, Access = 13, Fault = 14, Busy = 16, Exists = 17,
  CrossDevice = 18, NoDevice = 19, NotDirectory = 20, IsDirectory = 21, Invalid = 22, FileTableFull = 23, TooManyFiles = 24,
  NotTerminal = 25, TextBusy = 26, FileTooBig = 27, NoSpace = 28, IllegalSeek = 29, ReadOnly = 30, TooManyLinks = 31,
  BrokenPipe = 32, Domain = 33, Range = 34, Deadlock = 35, NameTooLong = 36, NoLocks = 37, NoSystemCall = 38, NotEmpty = 39,
  LinkLoop = 40, NoMessage = 42, IdentifierRemoved = 43, NoData = 61, Overflow = 75, IllegalSequence = 84, NotSocket = 88,
  NoDestination = 89, MessageSize = 90, WrongProtocolType = 91, NoProtocolOption = 92, NoProtocol = 93, NoSocketType = 94,
  NotSupported = 95, AddressFamily = 97, AddressInUse = 98, AddressNotAvailable = 99, NetworkUnreachable = 101,
  ConnectionAborted = 103, ConnectionReset = 104, NoBuffers = 105, IsConnected = 106, NotConnected = 107, TooManyReferences = 109,
  TimedOut = 110, Refused = 111, Already = 114, InProgress = 115, Stale = 116, Canceled = 125, OwnerDied = 130,
  // Kernel-internal, never seen by a program: how an interrupted call continues once the signal is handled (signal(7)).
  RestartSystemCall = 512,       // restart if SA_RESTART, else EINTR
  RestartAlways = 513,           // restart, whatever ran (futex locks)
  RestartNoHandler = 514,        // restart only if no handler ran, else EINTR
  RestartBlock = 516,            // restart through restart_syscall with the time that is left
};

template <class T>
using ErrorOr = std::expected<T, Errno>;
using Error = std::unexpected<Errno>;

inline Error fail(Errno e) { return Error(e); }

// Hands an error up; otherwise the expression's value.
#define TRY(...)                                                   \
  ({                                                               \
    auto&& pl_try_result = (__VA_ARGS__);                          \
    if (!pl_try_result) [[unlikely]]                               \
      return std::unexpected(pl_try_result.error());               \
    ::pl::detail::take(std::move(pl_try_result));                  \
  })

namespace detail {
template <class T>
T take(std::expected<T, Errno>&& result) { return *std::move(result); }
inline void take(std::expected<void, Errno>&&) {}
}  // namespace detail

// Undoes a step unless disarmed: `Guard undo([&] { ... }); ...; undo.disarm();`
template <class F>
class Guard {
 public:
  explicit Guard(F undo) : undo_(undo) {}
  ~Guard() { if (armed_) undo_(); }
  Guard(const Guard&) = delete;
  void disarm() { armed_ = false; }

 private:
  F undo_;
  bool armed_ = true;
};

}  // namespace pl
