// SPDX-License-Identifier: BSD-2-Clause
// A fork goes on from its template's shadow point: what is an instance's own is put in the place of what was the template's.
#include "arch/time.h"
#include "base/hot.h"
#include "base/log.h"
#include "base/random.h"
#include "fs/shadow_device.h"
#include "fs/terminal/host_terminal.h"
#include "memory/address_space_implementation.h"
#include "process/debug.h"
#include "process/instance.h"
#include "process/scheduler.h"
#include "process/stack.h"
#include "process/trap.h"
#include "shadow/point.h"
#include "shadow/shadow.h"
#include "time/clock.h"

namespace pl {
namespace shadow {
namespace {

PL_HOT constinit bool reached = false;

// The time that the template was frozen is nobody's: timers keep what they had left, and CPU clocks begin anew.
void continue_time(uint64_t frozen) {
  delay_timers(frozen);
  uint64_t now = ticks_now();
  Process& process = Process::first();
  uint64_t used = tick_rate().to_nanoseconds(process.usage().cpu_ticks);
  auto restart = [&](SignalTimer& timer) {
    if (timer.cpu_deadline) timer.cpu_deadline = timer.cpu_deadline > used ? timer.cpu_deadline - used : 1;
  };
  if (process.timers.uses_cpu) {
    for (SignalTimer& timer : process.timers.interval) restart(timer);
    for (PosixTimer& timer : process.timers.posix) restart(timer);
  }
  process.started_at = now;
  process.ended = process.waited = {};
  for (Thread& thread : process.threads) {
    thread.cpu_ticks = thread.system_ticks = 0;
    thread.started_running = now;
    if (thread.wake_timer.armed()) thread.delay = frozen;
    if (thread.restart.function && thread.restart.deadline != NoDeadline) thread.restart.deadline += frozen;
  }
}

// Arguments and variables: into the room on the first stack if they fit, else into a mapping.
ErrorOr<void> replace_strings(const InstanceCopy& instance) {
  const PointRecord& r = point_record;
  const pl_instance& head = instance.head();
  Process& process = Process::first();
  ArgumentStrings arguments, environment;
  TRY(instance.strings(head.arguments_offset, head.arguments, [&](std::string_view s) { return arguments.append(s); }));
  if (!arguments.count()) TRY(arguments.append(first_path));
  TRY(allowed_environment(instance, [&](std::string_view s) { return environment.append(s); }));
  if (environment.count() >= r.environment_slots)
    log_line("%zu variables: at this shadow point an instance may have %zu", environment.count(), r.environment_slots - 1);

  UserAddress place = r.room;
  size_t bytes = argument_block_bytes(arguments, environment);
  if (bytes > PointRecord::Room) {
    MappingRequest request;
    request.bytes = round_up(bytes, PageSize);
    request.protection = ProtectionRead | ProtectionWrite;
    request.name = "[arguments]";
    place = TRY(process.address_space->map(request));
  }
  ArgumentPlaces places = TRY(write_arguments(place, r.environment, r.environment_slots, arguments, environment));
  process.arguments_start = UserAddress(places.strings);
  process.arguments_end = process.environment_start = UserAddress(places.environment_strings);
  process.environment_end = UserAddress(places.end);
  if (r.point == Point::Main) {
    TrapFrame& frame = first_thread_of_instance().frame;
    frame.a(0) = arguments.count();
    frame.a(1) = place.value;
    frame.a(2) = r.environment.value;
  }
  return {};
}

ErrorOr<void> renew_secrets() {
  const PointRecord& r = point_record;
  uint8_t bytes[16];
  random::fill(bytes, sizeof bytes);
  TRY(copy_to_user(r.random, bytes, sizeof bytes));
  if (!r.canary_count) return {};
  uint64_t canary = random::word() & r.canary_mask;
  auto& space = static_cast<AddressSpaceImplementation&>(*current_thread().address_space);
  for (unsigned i = 0; i < r.canary_count; i++) TRY(space.patch(UserAddress(r.canaries[i]), &canary, sizeof canary));
  return {};
}

ErrorOr<void> apply(const InstanceCopy& instance) {
  const pl_instance& head = instance.head();
  FileContext& context = *Process::first().file_context;
  anchor_realtime(head.realtime);
  realtime_was_set();
  set_host_terminals(head.terminals);
  // What the program has changed before the point stays as it wanted it.
  if (context.umask == point_record.umask && (head.umask & 0777) != context.umask) context.umask = head.umask & 0777;
  if (context.directory.get() == point_record.directory)
    TRY(instance.strings(head.directory_offset, 1, [&](std::string_view path) -> ErrorOr<void> {
      auto set = set_directory(context, path);
      if (!set) log_line("working directory %.*s: errno %d", int(path.size()), path.data(), int(set.error()));
      return set;
    }));
  TRY(replace_strings(instance));
  return renew_secrets();
}

}  // namespace

void resume(const pl_instance* host, uint32_t readable_bytes) {
  Thread& thread = first_thread_of_instance();
  adopt_running_thread(thread);
  const pl_boot& boot = boot_parameters();
  uint64_t now = ticks_now();
  resume_clocks(boot.frozen_at);
  continue_time(now > boot.frozen_at ? now - boot.frozen_at : 0);
  {
    InstanceCopy instance(host, readable_bytes);
    if (!instance.valid()) give_up("malformed instance parameters", Errno::Invalid);
    if (auto applied = apply(instance); !applied) give_up("cannot go on from the shadow point", applied.error());
  }
  reached = point_record.point == Point::Call;
  load_floats(thread);
  thread.work |= WorkTimer;
  debug::stop(PL_STOP_START);
  mark(Step::Program);
  finish_trap(thread);
  return_to_user(thread.frame);
}

}  // namespace shadow

bool shadow_point_reached() { return std::exchange(shadow::reached, false); }

InstanceAccount instance_account() {
  static constexpr const char* Names[] = {"none", "entry", "main", "call", "boot"};
  const pl_boot& boot = boot_parameters();
  const shadow::Point point = shadow::point_record.point;
  return {shadow::is_fork(), Names[unsigned(point)], point != shadow::Point::Boot, boot.id, shadow::generation(), boot.measurement};
}

}  // namespace pl
