// SPDX-License-Identifier: BSD-2-Clause
// Pipes and event descriptors.
#include "fs/pipe.h"

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/event_files.h"
#include "process/signal_file.h"
#include "syscall/table.h"

namespace pl {

static OnExec on_exec_of(uint32_t flags) { return flags & open_flag::CloseOnExec ? OnExec::Close : OnExec::Keep; }

Result sys_pipe2(UserOut<int> descriptors, uint32_t flags) {
  if (flags & ~accepted::pipe2_flags) return fail(Errno::Invalid);
  PipeEnds ends = TRY(create_pipe(flags & (open_flag::NonBlock | open_flag::Direct)));
  TRY(current_descriptors().install_pair(std::move(ends.read), std::move(ends.write), on_exec_of(flags), descriptors));
  return 0;
}

Result sys_eventfd2(uint32_t initial, uint32_t flags) {
  constexpr uint32_t Semaphore = 1;
  if (flags & ~accepted::eventfd2_flags) return fail(Errno::Invalid);
  Ref<File> file = TRY(make<EventCounter>(uint64_t(initial), bool(flags & Semaphore), flags & open_flag::NonBlock));
  return uint64_t(TRY(current_descriptors().install(std::move(file), on_exec_of(flags))));
}

Result sys_signalfd4(int descriptor, UserIn<SignalSet> mask, size_t bytes, uint32_t flags) {
  if (flags & ~accepted::signalfd4_flags || bytes != sizeof(SignalSet)) return fail(Errno::Invalid);
  SignalSet wanted = TRY(mask.read());
  if (descriptor == -1) {
    Ref<File> file = TRY(make<SignalFile>(wanted, flags & open_flag::NonBlock));
    return uint64_t(TRY(current_descriptors().install(std::move(file), on_exec_of(flags))));
  }
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (!file->as_signals()) return fail(Errno::Invalid);
  file->as_signals()->set_mask(wanted);
  return uint64_t(descriptor);
}

Result sys_timerfd_create(int clock, uint32_t flags) {
  if (flags & ~accepted::timerfd_create_flags) return fail(Errno::Invalid);
  switch (clock) {
    case ClockRealtime:
    case ClockMonotonic:
    case ClockBoottime:
    case ClockRealtimeAlarm:
    case ClockBoottimeAlarm: break;
    default: return fail(Errno::Invalid);
  }
  Ref<File> file = TRY(make<TimerFile>(clock, flags & open_flag::NonBlock));
  return uint64_t(TRY(current_descriptors().install(std::move(file), on_exec_of(flags))));
}

Result sys_timerfd_settime(int descriptor, uint32_t flags, UserIn<IntervalValue> value, UserOut<IntervalValue> old_value) {
  if (flags & ~accepted::timerfd_settime_flags) return fail(Errno::Invalid);
  IntervalValue wanted = TRY(value.read());
  Ref<File> file = TRY(current_descriptors().get_open(descriptor));
  TimerFile* timer = file->as_timer();
  if (!timer) return fail(Errno::Invalid);
  IntervalValue old = timer->get();
  TRY(timer->set(flags, wanted));
  if (old_value) TRY(old_value.write(old));
  return 0;
}

Result sys_timerfd_gettime(int descriptor, UserOut<IntervalValue> value) {
  Ref<File> file = TRY(current_descriptors().get_open(descriptor));
  if (!file->as_timer()) return fail(Errno::Invalid);
  TRY(value.write(file->as_timer()->get()));
  return 0;
}

}  // namespace pl
