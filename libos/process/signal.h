// SPDX-License-Identifier: BSD-2-Clause
// Signals as data: numbers, sets, siginfo, actions, what is pending. Sending is in send.h, delivery in deliver.h.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "base/error.h"
#include "base/list.h"
#include "base/ref.h"
#include "process/wait.h"

namespace pl {

namespace sig {  // asm-generic/signal.h
constexpr int Hup = 1, Int = 2, Quit = 3, Ill = 4, Trap = 5, Abort = 6, Bus = 7, Fpe = 8, Kill = 9, User1 = 10, Segv = 11,
              User2 = 12, Pipe = 13, Alarm = 14, Term = 15, StackFault = 16, Child = 17, Cont = 18, Stop = 19, TerminalStop = 20,
              TerminalInput = 21, TerminalOutput = 22, Urgent = 23, CpuLimit = 24, FileLimit = 25, VirtualAlarm = 26, Profile = 27,
              WindowChange = 28, Io = 29, Power = 30, System = 31, RealTimeMin = 32, Count = 64;
}  // namespace sig

// si_code values (sigaction(2)).
namespace sigcode {
constexpr int User = 0, Kernel = 0x80, Queue = -1, Timer = -2, MessageQueue = -3, Tkill = -6;
constexpr int IllegalOpcode = 1, FpeUnknown = 14;
constexpr int MapError = 1, AccessError = 2;            // SIGSEGV
constexpr int BusAlign = 1, BusAddress = 2;             // SIGBUS
constexpr int TrapBreakpoint = 1;                       // SIGTRAP
constexpr int ChildExited = 1, ChildKilled = 2, ChildDumped = 3, ChildStopped = 5, ChildContinued = 6;
}  // namespace sigcode

struct SignalSet {
  uint64_t bits = 0;  // bit n-1 is signal n
  constexpr bool has(int number) const { return bits >> (number - 1) & 1; }
  constexpr void add(int number) { bits |= uint64_t(1) << (number - 1); }
  constexpr void remove(int number) { bits &= ~(uint64_t(1) << (number - 1)); }
  constexpr bool empty() const { return bits == 0; }
  constexpr int lowest() const { return __builtin_ctzll(bits) + 1; }  // not of an empty one
  constexpr SignalSet operator&(SignalSet o) const { return {bits & o.bits}; }
  constexpr SignalSet operator|(SignalSet o) const { return {bits | o.bits}; }
  constexpr SignalSet operator~() const { return {~bits}; }
  constexpr bool operator==(const SignalSet&) const = default;
  template <class... N> static constexpr SignalSet of(N... numbers) { SignalSet s; (s.add(numbers), ...); return s; }
};

constexpr SignalSet Unblockable = SignalSet::of(sig::Kill, sig::Stop);
constexpr SignalSet StopSignals = SignalSet::of(sig::Stop, sig::TerminalStop, sig::TerminalInput, sig::TerminalOutput);
// Caused by the instruction itself; taken first, and fatal when blocked or ignored.
constexpr SignalSet SynchronousSignals = SignalSet::of(sig::Segv, sig::Bus, sig::Ill, sig::Trap, sig::Fpe, sig::System);

enum class DefaultAction : uint8_t { Terminate, Core, Ignore, Stop, Continue };
DefaultAction default_action(int number);

// The part of Linux's siginfo_t that carries anything; a program sees it padded with zeros to 128 bytes.
struct SignalInfo {
  int32_t number = 0, error = 0, code = 0, reserved = 0;
  union {
    struct { int32_t pid; uint32_t uid; uint64_t value; } sender;
    struct { int32_t id; int32_t overrun; uint64_t value; } timer;
    struct { int32_t pid; uint32_t uid; int32_t status; int32_t reserved; int64_t utime, stime; } child;
    struct { uint64_t address; } fault;
    uint64_t words[4] = {};
  };
  static SignalInfo kernel(int number) { SignalInfo i; i.number = number; i.code = sigcode::Kernel; return i; }
};
static_assert(sizeof(SignalInfo) == 48);
constexpr size_t SignalInfoSize = 128;

// sigaction(2) as the riscv64 kernel ABI lays it out: no restorer.
struct SignalAction {
  static constexpr uint64_t Default = 0, Ignore = 1;
  enum : uint64_t {
    NoChildStop = 1, NoChildWait = 2, WithInfo = 4, OnStack = 0x08000000, Restart = 0x10000000, NoDefer = 0x40000000, ResetHandler = 0x80000000,
  };
  uint64_t handler = Default;
  uint64_t flags = 0;
  SignalSet mask;
  // SIGCONT continues when it is sent, whatever becomes of it.
  bool ignored(int number) const {
    if (handler != Default) return handler == Ignore;
    DefaultAction action = default_action(number);
    return action == DefaultAction::Ignore || action == DefaultAction::Continue;
  }
};
static_assert(sizeof(SignalAction) == 24);

// Shared by the threads of a process, and by CLONE_SIGHAND.
class SignalActions : public RefCounted {
 public:
  SignalAction& operator[](int number) { return actions_[number - 1]; }
  const SignalAction& operator[](int number) const { return actions_[number - 1]; }
  void copy_from(const SignalActions& o) { for (int i = 0; i < sig::Count; ++i) actions_[i] = o.actions_[i]; }
  // execve: caught signals become default, ignored ones stay.
  void reset_handlers();
  // Some signal was sent: for signalfds. Nothing is written as long as nobody has looked at one.
  void tell_watchers() {
    if (!watched) return;
    ++arrivals;
    arrived.wake_all();
  }

  bool watched = false;
  uint64_t arrivals = 0;
  WaitQueue arrived;

 private:
  SignalAction actions_[sig::Count];
};

class PendingSignals;

struct QueuedSignal {
  SignalInfo info;
  ListLink<QueuedSignal> queue_link;
  bool owned_elsewhere = false;  // belongs to a timer, which is told through `taken`
  PendingSignals* holder = nullptr;  // while it is queued, of such a one
  void (*taken)(QueuedSignal&) = nullptr;
};

// What is pending for a thread or a process. A standard signal is held once, a real-time one as often as it was sent.
class PendingSignals {
 public:
  SignalSet set() const { return set_; }
  // EAGAIN: a queued real-time signal has no room.
  ErrorOr<void> add(const SignalInfo& info);
  void add(QueuedSignal& signal);  // memory of the caller's, which stays queued until taken
  // Takes the next of `wanted`: synchronous ones first, then by number, then by age. False: none.
  bool take(SignalSet wanted, SignalInfo& out);
  void discard(SignalSet which);
  static void withdraw(QueuedSignal& signal);  // of those that belong elsewhere, wherever it is queued
  ~PendingSignals() { discard({~uint64_t(0)}); }

 private:
  SignalSet set_;
  List<QueuedSignal, &QueuedSignal::queue_link> queue_;  // by age; a set bit without an entry has no more than its number
};

struct SignalStack {
  enum : uint32_t { On = 1, Disabled = 2, AutoDisarm = 1u << 31 };
  uint64_t base = 0, size = 0;
  uint32_t flags = Disabled;
  bool contains(uint64_t sp) const { return size && sp > base && sp - base <= size; }
};

}  // namespace pl
