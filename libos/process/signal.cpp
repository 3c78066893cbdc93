// SPDX-License-Identifier: BSD-2-Clause
#include "process/signal.h"

#include <utility>

namespace pl {

DefaultAction default_action(int number) {
  switch (number) {
    case sig::Quit: case sig::Ill: case sig::Trap: case sig::Abort: case sig::Bus: case sig::Fpe: case sig::Segv:
    case sig::CpuLimit: case sig::FileLimit: case sig::System:
      return DefaultAction::Core;
    case sig::Child: case sig::Urgent: case sig::WindowChange:
      return DefaultAction::Ignore;
    case sig::Stop: case sig::TerminalStop: case sig::TerminalInput: case sig::TerminalOutput:
      return DefaultAction::Stop;
    case sig::Cont:
      return DefaultAction::Continue;
    default:
      return DefaultAction::Terminate;
  }
}

void SignalActions::reset_handlers() {
  for (SignalAction& action : actions_) {
    uint64_t handler = action.handler == SignalAction::Ignore ? SignalAction::Ignore : SignalAction::Default;
    action = {};
    action.handler = handler;
  }
}

ErrorOr<void> PendingSignals::add(const SignalInfo& info) {
  int number = info.number;
  bool real_time = number >= sig::RealTimeMin;
  if (!real_time && set_.has(number)) return {};  // a standard signal is held once
  void* memory = heap_allocate(sizeof(QueuedSignal), alignof(QueuedSignal));
  if (memory) {
    QueuedSignal* signal = new (memory) QueuedSignal;
    signal->info = info;
    queue_.push_back(signal);
  } else if (real_time && info.code < 0 && info.code != sigcode::Tkill) {
    return fail(Errno::Again);  // sigqueue(3)
  }
  set_.add(number);
  return {};
}

void PendingSignals::add(QueuedSignal& signal) {
  signal.owned_elsewhere = true;
  int number = signal.info.number;
  if (number < sig::RealTimeMin && set_.has(number)) return;
  queue_.push_back(&signal);
  signal.holder = this;
  set_.add(number);
}

bool PendingSignals::take(SignalSet wanted, SignalInfo& out) {
  SignalSet candidates = set_ & wanted;
  if (candidates.empty()) return false;
  SignalSet synchronous = candidates & SynchronousSignals;
  int number = (synchronous.empty() ? candidates : synchronous).lowest();

  QueuedSignal* found = nullptr;
  bool more = false;
  for (QueuedSignal& signal : queue_) {
    if (signal.info.number != number) continue;
    if (found) {
      more = true;
      break;
    }
    found = &signal;
  }
  if (!more) set_.remove(number);
  if (!found) {
    out = {};
    out.number = number;
    out.code = sigcode::User;
    return true;
  }
  out = found->info;
  queue_.remove(found);
  if (found->owned_elsewhere) {
    found->holder = nullptr;
    if (found->taken) found->taken(*found);
    out = found->info;  // a timer fills in its overrun
  } else {
    heap_free(found, sizeof(QueuedSignal), alignof(QueuedSignal));
  }
  return true;
}

void PendingSignals::discard(SignalSet which) {
  set_ = set_ & ~which;
  for (QueuedSignal* signal = queue_.first(); signal;) {
    QueuedSignal* next = queue_.next(signal);
    if (which.has(signal->info.number)) {
      queue_.remove(signal);
      signal->holder = nullptr;
      if (!signal->owned_elsewhere) heap_free(signal, sizeof(QueuedSignal), alignof(QueuedSignal));
    }
    signal = next;
  }
}

void PendingSignals::withdraw(QueuedSignal& signal) {
  PendingSignals* holder = std::exchange(signal.holder, nullptr);
  if (!holder) return;
  holder->queue_.remove(&signal);
  for (QueuedSignal& other : holder->queue_)
    if (other.info.number == signal.info.number) return;
  holder->set_.remove(signal.info.number);
}

}  // namespace pl
