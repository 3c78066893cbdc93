// SPDX-License-Identifier: BSD-2-Clause
// Errors are values: every fallible function of the libOS returns ErrorOr<T>; the error is a Linux errno.
#pragma once

#include <expected>
#include <memory>
#include <type_traits>
#include <utility>

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

using Error = std::unexpected<Errno>;
inline Error fail(Errno e) { return Error(e); }

// A value, or why there is none. As std::expected<T, Errno>, but what fits in two registers is returned in them, though it has a
// destructor (a Ref): std::expected would go through memory.
template <class T>
class [[clang::trivial_abi]] [[nodiscard]] ErrorOr {
 public:
  using value_type = T;

  constexpr ErrorOr() requires std::is_default_constructible_v<T> : good_(true) { std::construct_at(&held_.value); }
  template <class U = T>
    requires(std::is_constructible_v<T, U> && !std::is_same_v<std::remove_cvref_t<U>, ErrorOr> && !std::is_same_v<std::remove_cvref_t<U>, Error>)
  constexpr explicit(!std::is_convertible_v<U, T>) ErrorOr(U&& value) : good_(true) { std::construct_at(&held_.value, std::forward<U>(value)); }
  constexpr ErrorOr(Error error) : good_(false) { held_.error = error.error(); }
  template <class U>
    requires(!std::is_same_v<U, T> && std::is_convertible_v<U, T>)
  constexpr ErrorOr(ErrorOr<U> other) : good_(bool(other)) {
    if (good_) std::construct_at(&held_.value, *std::move(other));
    else held_.error = other.error();
  }

  constexpr ErrorOr(const ErrorOr&) requires std::is_trivially_copyable_v<T> = default;
  constexpr ErrorOr(const ErrorOr& other) requires(!std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>) : good_(other.good_) { construct(other); }
  constexpr ErrorOr(ErrorOr&&) requires std::is_trivially_copyable_v<T> = default;
  constexpr ErrorOr(ErrorOr&& other) : good_(other.good_) { construct(std::move(other)); }
  constexpr ErrorOr& operator=(const ErrorOr&) requires std::is_trivially_copyable_v<T> = default;
  constexpr ErrorOr& operator=(ErrorOr&&) requires std::is_trivially_copyable_v<T> = default;
  constexpr ErrorOr& operator=(ErrorOr&& other) {
    if (this == &other) return *this;
    std::destroy_at(this);
    return *std::construct_at(this, std::move(other));
  }
  constexpr ~ErrorOr() requires std::is_trivially_destructible_v<T> = default;
  constexpr ~ErrorOr() {
    if (good_) std::destroy_at(&held_.value);
  }

  constexpr explicit operator bool() const { return good_; }
  constexpr bool has_value() const { return good_; }
  constexpr Errno error() const { return held_.error; }
  constexpr T& operator*() & { return held_.value; }
  constexpr const T& operator*() const& { return held_.value; }
  constexpr T&& operator*() && { return std::move(held_.value); }
  constexpr T* operator->() { return &held_.value; }
  constexpr const T* operator->() const { return &held_.value; }
  template <class U>
  constexpr T value_or(U&& other) && { return good_ ? std::move(held_.value) : T(std::forward<U>(other)); }

 private:
  template <class Other>
  constexpr void construct(Other&& other) {
    if (good_) std::construct_at(&held_.value, *std::forward<Other>(other));
    else held_.error = other.error();
  }

  // The class around it builds, moves and destroys what it holds.
  union [[clang::trivial_abi]] Held {
    T value;
    Errno error;
    constexpr Held() {}
    constexpr Held(const Held&) requires std::is_trivially_copyable_v<T> = default;
    constexpr Held(Held&&) requires std::is_trivially_copyable_v<T> = default;
    Held(Held&&);  // never called, but the attribute asks for one
    constexpr Held& operator=(const Held&) requires std::is_trivially_copyable_v<T> = default;
    constexpr Held& operator=(Held&&) requires std::is_trivially_copyable_v<T> = default;
    constexpr ~Held() requires std::is_trivially_destructible_v<T> = default;
    constexpr ~Held() {}
  } held_;
  bool good_;
};

template <>
class [[nodiscard]] ErrorOr<void> : public std::expected<void, Errno> {
 public:
  using std::expected<void, Errno>::expected;
};

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
T take(ErrorOr<T>&& result) { return *std::move(result); }
inline void take(ErrorOr<void>&&) {}
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
