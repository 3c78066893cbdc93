// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "process/debug.h"
#include "process/thread.h"
#include "process/trace.h"
#include "syscall/table.h"

namespace pl {

namespace {

template <class T> struct Argument { static T from(uint64_t raw) { return T(raw); } };
template <class T> struct Argument<UserIn<T>> { static UserIn<T> from(uint64_t raw) { return {UserAddress(raw)}; } };
template <class T> struct Argument<UserOut<T>> { static UserOut<T> from(uint64_t raw) { return {UserAddress(raw)}; } };

inline uint64_t finish(const Result& result) {
  if (result) [[likely]] return *result;
  int error = int(result.error());
  if (error >= int(Errno::RestartSystemCall)) current_thread().work |= WorkSignal;
  return uint64_t(-int64_t(error));
}

template <auto Handler> struct Call;
template <class... A, Result (*Handler)(A...)>
struct Call<Handler> {
  static_assert(sizeof...(A) <= 6);
  static uint64_t enter(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t, uint64_t) {
    return enter({a0, a1, a2, a3, a4, a5}, std::index_sequence_for<A...>{});
  }

 private:
  struct Raw { uint64_t a[6]; };
  template <size_t... I>
  static uint64_t enter([[maybe_unused]] const Raw& raw, std::index_sequence<I...>) {
    return finish(Handler(Argument<A>::from(raw.a[I])...));
  }
};

uint64_t unsupported(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t number) {
  static bool said[SystemCallLimit + 1];  // not hot: a fork that never gets here never writes it
  bool& once = said[number < SystemCallLimit ? number : SystemCallLimit];
  if (!once) {
    once = true;
    log_line("system call %lu is not supported: ENOSYS", number);
  }
  return finish(fail(Errno::NoSystemCall));
}

enum Number : unsigned { RtSigreturn = 139, Clone = 220, Execve = 221, Execveat = 281, Clone3 = 435 };

// Which calls read the program's registers, or replace them: each is entered with all of them in the frame.
constexpr bool needs_whole_frame(unsigned number) {
  return number == RtSigreturn || number == Clone || number == Execve || number == Execveat || number == Clone3;
}

template <unsigned Number>
constexpr SystemCall entry(SystemCall call) { return needs_whole_frame(Number) ? whole_frame_call_entry : call; }

SystemCall without_frame(uint64_t number) {
  switch (number) {
    case RtSigreturn: return Call<sys_rt_sigreturn>::enter;
    case Clone: return Call<sys_clone>::enter;
    case Execve: return Call<sys_execve>::enter;
    case Execveat: return Call<sys_execveat>::enter;
    case Clone3: return Call<sys_clone3>::enter;
    default: return system_calls[number < SystemCallLimit ? number : SystemCallLimit];
  }
}

}  // namespace

static constinit bool watched = false;

ErrorOr<void> watch_system_calls() {
  // Made when it is wanted: the image of every other enclave need not hold it.
  constexpr size_t Entries = SystemCallLimit + 1;
  auto* table = static_cast<SystemCall*>(heap_allocate(Entries * sizeof(SystemCall), alignof(SystemCall)));
  if (!table) return fail(Errno::NoMemory);
  std::fill_n(table, Entries, whole_frame_call_entry);
  this_context().system_calls = table;
  watched = true;
  return {};
}

// Of a debug enclave: a debugger may have changed the registers.
static uint64_t watched_call() {
  Thread& thread = current_thread();
  TrapFrame& frame = thread.frame;
  if (debug::enabled() && !debug::may_call(thread)) return frame.a(0);
  const uint64_t number = frame.x[RegisterA7], place = frame.pc - 4, first = frame.a(0);
  const bool traced = system_calls_are_traced();
  if (traced) trace_system_call(thread);
  thread.in_call = true;
  const uint64_t result = without_frame(number)(first, frame.a(1), frame.a(2), frame.a(3), frame.a(4), frame.a(5), frame.a(6), number);
  thread.in_call = false;
  if (traced) trace_result(thread, number, result);
  if (!debug::enabled()) return result;
  if (thread.frame_replaced && !needs_whole_frame(unsigned(number))) return debug::call_was_left(thread, place, first, result);
  frame.a(0) = result;
  debug::tell_of(PL_STOP_RETURN, number, 0);
  return frame.a(0);
}

extern "C" uint64_t whole_frame_call(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t number) {
  if (watched) return watched_call();
  return without_frame(number)(a0, a1, a2, a3, a4, a5, a6, number);
}

// An array, not a structure: traps index it directly.
#define PL_SYSCALL(number, name, handler, ...) [number] = entry<number>(Call<handler>::enter),
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wc99-designator"
#pragma clang diagnostic ignored "-Winitializer-overrides"
constinit const SystemCall system_calls[SystemCallLimit + 1] = {
    [0 ... SystemCallLimit] = unsupported,
#include "syscall/table.def"
};
#undef PL_SYSCALL
#pragma clang diagnostic pop

}  // namespace pl
