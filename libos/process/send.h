// SPDX-License-Identifier: BSD-2-Clause
// Sending signals. None of these sleeps.
#pragma once

#include "base/error.h"
#include "process/signal.h"

namespace pl {

class Process;
struct Credentials;
class Thread;

ErrorOr<void> send_signal(Process& process, const SignalInfo& info);
ErrorOr<void> send_signal(Thread& thread, const SignalInfo& info);
// To each process of a group; ESRCH when it has none.
ErrorOr<void> send_signal_to_group(int group, const SignalInfo& info);
// A fault of the current thread: cannot be blocked or ignored.
void force_signal(const SignalInfo& info);
void force_fatal_signal(int number);  // with the default action, whatever the program asked for

// What is pending of a timer's signal (timer_create): queued once, overruns counted meanwhile.
void send_timer_signal(Process& process, Thread* thread, QueuedSignal& signal);

// The thread must look at its signals before it goes on: makes it leave an interruptible sleep.
void signal_wake(Thread& thread);
// Every thread of it: a fatal signal, a stop, an exit.
void interrupt_all_threads(Process& process);

// What kill(2) demands of the sender.
bool may_signal(const Process& target, const Credentials& its, int number);

// The host's signals (of PL_SIGNALS, bits 1 << number) go to the foreground group, as a terminal's do.
void deliver_host_signals(uint32_t signals);

}  // namespace pl
