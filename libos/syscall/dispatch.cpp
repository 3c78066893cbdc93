// SPDX-License-Identifier: BSD-2-Clause
#include <utility>

#include "base/log.h"
#include "process/thread.h"
#include "syscall/table.h"

namespace pl {

namespace {

template <class T> struct Argument { static T from(uint64_t raw) { return T(raw); } };
template <class T> struct Argument<UserIn<T>> { static UserIn<T> from(uint64_t raw) { return {UserAddress(raw)}; } };
template <class T> struct Argument<UserOut<T>> { static UserOut<T> from(uint64_t raw) { return {UserAddress(raw)}; } };

inline void finish(TrapFrame& frame, const Result& result) {
  if (result) [[likely]] {
    frame.a(0) = *result;
    return;
  }
  int error = int(result.error());
  frame.a(0) = uint64_t(-int64_t(error));
  if (error >= int(Errno::RestartSystemCall)) current_thread().work |= WorkSignal;
}

template <auto Handler> struct Call;
template <class... A, Result (*Handler)(A...)>
struct Call<Handler> {
  static constexpr uint8_t Arguments = sizeof...(A);
  static_assert(Arguments <= 6);
  static void enter(TrapFrame& frame) { enter(frame, std::index_sequence_for<A...>{}); }
  template <size_t... I>
  static void enter(TrapFrame& frame, std::index_sequence<I...>) {
    finish(frame, Handler(Argument<A>::from(frame.a(I))...));
  }
};

void unsupported(TrapFrame& frame) {
  static bool said[SystemCallLimit + 1];  // not hot: a fork that never gets here never writes it
  uint64_t number = frame.x[RegisterA7];
  bool& once = said[number < SystemCallLimit ? number : SystemCallLimit];
  if (!once) {
    once = true;
    log_line("system call %lu is not supported: ENOSYS", number);
  }
  finish(frame, fail(Errno::NoSystemCall));
}

}  // namespace

// An array, not a structure: traps index it directly.
#define PL_SYSCALL(number, name, handler, ...) [number] = Call<handler>::enter,
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-designator"
#pragma clang diagnostic ignored "-Winitializer-overrides"
const SystemCallEntry system_call_entries[SystemCallLimit + 1] = {
    [0 ... SystemCallLimit] = unsupported,
#include "syscall/table.def"
};
#undef PL_SYSCALL

#define PL_SYSCALL(number, name, handler, ...) [number] = {#name, Call<handler>::Arguments},
const SystemCallDescription system_call_descriptions[SystemCallLimit] = {
#include "syscall/table.def"
};
#undef PL_SYSCALL
#pragma clang diagnostic pop

}  // namespace pl
