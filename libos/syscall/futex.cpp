// SPDX-License-Identifier: BSD-2-Clause
#include "process/futex.h"

#include "process/process.h"
#include "syscall/table.h"

namespace pl {

namespace {

namespace futex_command {
constexpr uint32_t Wait = 0, Wake = 1, Requeue = 3, CompareRequeue = 4, WakeOperation = 5, LockPi = 6, UnlockPi = 7, TryLockPi = 8,
                   WaitBitset = 9, WakeBitset = 10, WaitRequeuePi = 11, CompareRequeuePi = 12, LockPi2 = 13;
constexpr uint32_t Private = 128, ClockRealtime = 256;
}  // namespace futex_command

Result wait_result(ErrorOr<void> waited) {
  if (!waited) return fail(waited.error());
  return 0;
}

constexpr uint64_t Realtime = 2;  // beside the sharing, in a restarted wait

Result wait_again(RestartBlock& block) {
  auto waited = wait_futex(UserAddress(block.arguments[0]), Sharing(block.arguments[1] & 1), uint32_t(block.arguments[2]),
                           {block.deadline, bool(block.arguments[1] & Realtime)}, uint32_t(block.arguments[3]));
  if (!waited && waited.error() == Errno::Interrupted) return fail(Errno::RestartBlock);
  return wait_result(waited);
}

}  // namespace

Result sys_futex(UserAddress word, uint32_t operation, uint32_t value, uint64_t timeout, UserAddress word2, uint32_t value3) {
  using namespace futex_command;
  uint32_t command = operation & ~(Private | futex_command::ClockRealtime);
  Sharing sharing = operation & Private ? Sharing::Private : Sharing::Shared;
  bool realtime = operation & futex_command::ClockRealtime;
  if (realtime && command != WaitBitset && command != WaitRequeuePi && command != LockPi2) return fail(Errno::NoSystemCall);

  FutexDeadline deadline;
  bool timed = command == Wait || command == WaitBitset || command == WaitRequeuePi || command == LockPi || command == LockPi2;
  if (timed && timeout) {
    TimeSpec t = TRY(UserIn<TimeSpec>{UserAddress(timeout)}.read());
    if (!t.valid()) return fail(Errno::Invalid);
    if (command == Wait) deadline.value = ticks_now() + tick_rate().from(t);
    else if (realtime || command == LockPi) deadline = {saturating_nanoseconds(t), true};
    else deadline.value = TRY(deadline_of(pl::ClockMonotonic, t));
  }
  bool requeues = command == Requeue || command == CompareRequeue || command == CompareRequeuePi;
  if (requeues && (int32_t(value) < 0 || int32_t(timeout) < 0)) return fail(Errno::Invalid);
  switch (command) {
    case Wait:
    case WaitBitset: {
      uint32_t bitset = command == Wait ? ~0u : value3;
      auto waited = wait_futex(word, sharing, value, deadline, bitset);
      if (waited || waited.error() != Errno::Interrupted) return wait_result(waited);
      if (deadline.value == NoDeadline && !deadline.realtime) return fail(Errno::RestartSystemCall);
      RestartBlock& block = current_thread().restart;
      block = {wait_again, deadline.value, {word.value, uint64_t(sharing) | (deadline.realtime ? Realtime : 0), value, bitset}};
      return fail(Errno::RestartBlock);
    }
    case Wake: return wake_futex(word, sharing, value, ~0u);
    case WakeBitset: return wake_futex(word, sharing, value, value3);
    case Requeue: return requeue_futex(word, word2, sharing, value, uint32_t(timeout), nullptr);
    case CompareRequeue: return requeue_futex(word, word2, sharing, value, uint32_t(timeout), &value3);
    case WaitRequeuePi: return wait_result(wait_requeue_pi_futex(word, word2, sharing, value, deadline));
    case CompareRequeuePi: return requeue_pi_futex(word, word2, sharing, value, uint32_t(timeout), value3);
    case WakeOperation: return wake_operation_futex(word, word2, sharing, value, uint32_t(timeout), value3);
    case LockPi:
    case LockPi2: return wait_result(lock_pi_futex(word, sharing, deadline));
    case TryLockPi: return wait_result(try_lock_pi_futex(word, sharing));
    case UnlockPi: return wait_result(unlock_pi_futex(word, sharing));
    default: return fail(Errno::NoSystemCall);
  }
}

Result sys_set_robust_list(UserAddress head, size_t bytes) {
  if (bytes != sizeof(RobustListHead)) return fail(Errno::Invalid);
  current_thread().robust_list = head;
  return 0;
}

Result sys_get_robust_list(int tid, UserOut<uint64_t> head, UserOut<size_t> bytes) {
  Thread* thread = tid ? find_thread(tid) : &current_thread();
  if (!thread) return fail(Errno::NoProcess);
  if (thread->process != &current_process() && !current_credentials().has(Capability::Trace)) return fail(Errno::Perm);
  TRY(bytes.write(sizeof(RobustListHead)));
  TRY(head.write(thread->robust_list.value));
  return 0;
}

}  // namespace pl
