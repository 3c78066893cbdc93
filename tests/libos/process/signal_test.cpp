// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "hosted.h"
#include "process/signal.h"

using namespace pl;

namespace {

constexpr SignalSet All{~uint64_t(0)};

SignalInfo queued(int number, uint64_t value) {
  SignalInfo info;
  info.number = number;
  info.code = sigcode::Queue;
  info.sender.value = value;
  return info;
}

}  // namespace

Test(signal, a_standard_signal_is_pending_once) {
  PendingSignals pending;
  cr_assert(pending.add(queued(sig::User1, 1)).has_value());
  cr_assert(pending.add(queued(sig::User1, 2)).has_value());
  SignalInfo info;
  cr_assert(pending.take(All, info));
  cr_expect_eq(info.sender.value, 1u);
  cr_expect(!pending.take(All, info));
}

Test(signal, real_time_signals_queue_lowest_number_first_then_by_age) {
  PendingSignals pending;
  for (auto [number, value] : {std::pair{40, 1}, {35, 2}, {40, 3}, {35, 4}}) cr_assert(pending.add(queued(number, value)).has_value());
  SignalInfo info;
  for (auto [number, value] : {std::pair{35, 2}, {35, 4}, {40, 1}, {40, 3}}) {
    cr_assert(pending.take(All, info));
    cr_expect_eq(info.number, number);
    cr_expect_eq(info.sender.value, unsigned(value));
  }
  cr_expect(pending.set().empty());
}

Test(signal, a_fault_is_taken_before_what_others_sent) {
  PendingSignals pending;
  cr_assert(pending.add(queued(sig::Hup, 0)).has_value());
  cr_assert(pending.add(SignalInfo::kernel(sig::Segv)).has_value());
  SignalInfo info;
  cr_assert(pending.take(All, info));
  cr_expect_eq(info.number, sig::Segv);
}

Test(signal, only_wanted_signals_are_taken) {
  PendingSignals pending;
  cr_assert(pending.add(queued(sig::Term, 0)).has_value());
  SignalInfo info;
  cr_expect(!pending.take(~SignalSet::of(sig::Term), info));
  cr_expect(pending.take(SignalSet::of(sig::Term), info));
}

Test(signal, without_memory_a_standard_signal_still_arrives_and_a_queued_one_is_refused) {
  PendingSignals pending;
  hosted::heap_is_full = true;
  cr_expect(pending.add(queued(sig::Int, 7)).has_value());
  auto refused = pending.add(queued(40, 7));
  hosted::heap_is_full = false;
  cr_expect(!refused && refused.error() == Errno::Again);
  SignalInfo info;
  cr_assert(pending.take(All, info));
  cr_expect_eq(info.number, sig::Int);
}

Test(signal, a_timers_signal_can_be_withdrawn) {
  PendingSignals pending;
  QueuedSignal timer;
  timer.info = queued(36, 1);
  pending.add(timer);
  cr_assert(pending.add(queued(36, 2)).has_value());
  PendingSignals::withdraw(timer);
  PendingSignals::withdraw(timer);
  SignalInfo info;
  cr_assert(pending.take(All, info));
  cr_expect_eq(info.sender.value, 2u);
  cr_expect(pending.set().empty());
}

Test(signal, discarding_leaves_the_others) {
  PendingSignals pending;
  for (int number : {sig::Stop, sig::TerminalStop, sig::Cont, 40}) cr_assert(pending.add(queued(number, 0)).has_value());
  pending.discard(StopSignals);
  cr_expect(pending.set() == SignalSet::of(sig::Cont, 40));
}

Test(signal, execve_keeps_what_is_ignored_and_nothing_else) {
  SignalActions actions;
  actions[sig::Int].handler = SignalAction::Ignore;
  actions[sig::Term].handler = 0x1234;
  actions[sig::Term].flags = SignalAction::Restart;
  actions.reset_handlers();
  cr_expect_eq(actions[sig::Int].handler, uint64_t(SignalAction::Ignore));
  cr_expect_eq(actions[sig::Term].handler, uint64_t(SignalAction::Default));
  cr_expect_eq(actions[sig::Term].flags, 0u);
}

Test(signal, an_alternate_stack_holds_its_top_but_not_its_bottom) {
  SignalStack stack{0x1000, 0x2000, 0};
  cr_expect(stack.contains(0x3000) && stack.contains(0x1001));
  cr_expect(!stack.contains(0x1000) && !stack.contains(0x3001) && !SignalStack{}.contains(0));
}
