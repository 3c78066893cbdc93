// SPDX-License-Identifier: BSD-2-Clause
// A template runs its program up to the shadow point.
#include <cstring>

#include "arch/image.h"
#include "arch/monitor.h"
#include "base/log.h"
#include "fs/mount.h"
#include "fs/shadow_device.h"
#include "fs/terminal/host_terminal.h"
#include "memory/address_space_implementation.h"
#include "ocall/ring.h"
#include "process/instance.h"
#include "process/prefetch.h"
#include "process/scheduler.h"
#include "process/send.h"
#include "process/trap.h"
#include "process/vdso.h"
#include "shadow/find_main.h"
#include "shadow/point.h"
#include "shadow/shadow.h"
#include "time/clock.h"

namespace pl {
namespace shadow {

constinit PointRecord point_record{};

namespace {

constexpr unsigned SpareVariables = 32;  // that an instance may have besides its template's
constexpr uint16_t Breakpoint = 0x9002;  // c.ebreak: fits into the place of any instruction

AddressSpaceImplementation& space() { return static_cast<AddressSpaceImplementation&>(*current_thread().address_space); }

class ProgramMemory final : public StartMemory {
 public:
  ErrorOr<void> read(uint64_t address, void* to, size_t bytes) override { return copy_from_user(to, UserAddress(address), bytes); }
  ErrorOr<void> write(uint64_t address, const void* from, size_t bytes) override { return copy_to_user(UserAddress(address), from, bytes); }
  bool executable(uint64_t address) override {
    auto fault = space().handle_fault(UserAddress(address), FaultAccess::Execute);
    return fault && !fault->signal;
  }
};

void plant(UserAddress at) {
  ErrorOr<void> done = copy_from_user(&point_record.instruction, at, sizeof point_record.instruction);
  if (done) done = space().patch(at, &Breakpoint, sizeof Breakpoint);
  if (!done) panic("shadow point main: no breakpoint can be put at 0x%lx (errno %d)", at.value, int(done.error()));
  point_record.breakpoint = at;
}

// From the program's own first instruction, which the frame is at, to the place where main is handed over.
void follow_to_main(Thread& thread) {
  uint64_t stack = thread.frame.sp();
  uint64_t argc = 0;
  if (!copy_from_user(&argc, UserAddress(stack), sizeof argc)) panic("shadow point main: the first stack is gone");
  StartState state;
  state.pc = thread.frame.pc;
  memcpy(state.x, thread.frame.x, sizeof state.x);
  state.x[0] = 0;
  ProgramMemory memory;
  MainSearch found = find_main(state, memory, argc, stack + 8);
  if (found.why != NoMain::None)
    panic("shadow point main: not found in the start-up code of %.*s (%s at 0x%lx): use another --shadow-at", int(first_path.size()),
          first_path.data(), in_words(found.why), found.at);
  memcpy(thread.frame.x + 1, state.x + 1, sizeof state.x - sizeof state.x[0]);
  thread.frame.pc = state.pc;
  point_record.main = UserAddress(found.main);
  plant(point_record.main);
}

ErrorOr<void> prepare(const pl_record_start& start) {
  ArgumentStrings arguments, environment;
  std::string_view rest(start.text, start.length);
  for (uint32_t i = 0; i < start.arguments + start.environment; i++) {
    size_t end = rest.find('\0');
    if (end == rest.npos) return fail(Errno::Invalid);
    std::string_view text = rest.substr(0, end);
    if (i < start.arguments) TRY(arguments.append(text));
    else if (environment_allowed(text.substr(0, text.find('=')))) TRY(environment.append(text));
    rest.remove_prefix(end + 1);
  }
  if (!arguments.count()) TRY(arguments.append(first_path));
  if (first_script) arguments.drop_first();
  const size_t words = arguments.count() + (first_script ? first_script->count() : 0);
  for (unsigned i = 0; i < SpareVariables; i++) TRY(environment.append(""));

  Process& process = Process::first();
  process.credentials.begin_as(start.uid, start.gid);
  host_terminal().session = process.session;
  host_terminal().foreground = process.group;
  point_record.room = TRY(prepare_template_start(first_program, {first_script, arguments, environment, first_path}, PointRecord::Room));
  point_record.environment = UserAddress(first_thread_of_instance().frame.sp() + (1 + words + 1) * 8);
  point_record.environment_slots = environment.count() + 1;
  point_record.directory = process.file_context->directory.get();
  point_record.umask = process.file_context->umask;
  // A word with a zero in one of its lowest bytes is then the stack protector's, and not a copy of these.
  point_record.random = process.auxiliary_end;
  uint8_t lowest[2];
  TRY(copy_from_user(lowest, point_record.random, sizeof lowest));
  for (uint8_t& byte : lowest) byte |= 1;
  return copy_to_user(point_record.random, lowest, sizeof lowest);
}

// libcs take their canary from AT_RANDOM and clear one byte of it, so that no string runs past it: glibc the first, musl the second.
ErrorOr<void> find_canaries(uint64_t stack_pointer) {
  uint64_t random = 0;
  TRY(copy_from_user(&random, point_record.random, sizeof random));
  for (uint64_t cleared : {uint64_t(0xff), uint64_t(0xff00)}) {
    unsigned count = 0;
    TRY(space().find_word(random & ~cleared, stack_pointer, [](void* n, UserAddress at) {
      unsigned& number = *static_cast<unsigned*>(n);
      if (number < PointRecord::MaxCanaries) point_record.canaries[number] = at.value;
      number++;
    }, &count));
    if (!count) continue;
    if (count > PointRecord::MaxCanaries) {
      log_line("the stack protector's word is in %u places: forks share it", count);
      continue;
    }
    point_record.canary_count = count;
    point_record.canary_mask = ~cleared;
    break;
  }
  return {};
}

// One line for each thing that a fork could not have. Returns how many.
unsigned refusals(Thread& thread) {
  unsigned count = 0;
  auto refuse = [&](const char* text, int number, const char* name) {
    log_line(text, number, name);
    monitor::doorbell();
    count++;
  };
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-security"
#pragma clang diagnostic ignored "-Wformat-nonliteral"
  if (!thread.is_first()) refuse("shadow point: reached by thread %d (%s): only the first thread of the first process can freeze", thread.tid, thread.name);
  if (Process::first().executed) refuse("shadow point: process %d has become another program (%s): execve comes after the point", Process::first().pid, Process::first().name);
  for_each_process([&](Process& process) {
    if (!process.is_first() && process.state != ProcessState::Zombie)
      refuse("shadow point: process %d (%s) is still there: end it and wait for it first", process.pid, process.name);
    return true;
  });
  if (ocall::awaited()) refuse("shadow point: a thread waits for something of the host%.0d%s", 0, "");
  if (unsigned open = ocall::open_handles()) refuse("shadow point: %d files or directories of the host are open: close them first%s", int(open), "");
#pragma clang diagnostic pop
  return count;
}

[[noreturn]] void freeze_here(Thread& thread) {
  if (fs::has_root_image()) prefetch_mapped_files(*thread.address_space);
  if (unsigned count = refusals(thread)) panic("not frozen: %u thing%s cannot be carried into forks", count, count == 1 ? "" : "s");
  point_record.running = false;
  save_floats(thread);
  if (auto found = find_canaries(thread.frame.sp()); !found) panic("shadow point: the program's memory cannot be read");
  forget_vdso_clocks();
  Errno error = freeze(ForkEntry::Point);
  if (error == Errno::TooBig) panic("not frozen: the program's mappings are spread over more than %u GiB", FreezeRecord::MaxUserEntries);
  panic("not frozen: errno %d", int(error));
}

}  // namespace

void start_template(Point point, const pl_instance* host, uint32_t readable_bytes) {
  const pl_record_start* start = fs::template_start();
  if (!start) panic("the measured configuration does not say how the template starts its program");
  {
    InstanceCopy instance(host, readable_bytes);
    if (!instance.valid()) panic("malformed instance parameters");
    anchor_realtime(instance.head().realtime);
  }
  Thread& thread = first_thread_of_instance();
  point_record.point = point;
  if (auto prepared = prepare(*start); !prepared) give_up("cannot start the program", prepared.error());
  ocall::close_to_host(fs::has_root_image() ? PL_HANDLE_MOUNT : ~uint32_t(0));
  point_record.running = true;
  reset_floats(thread);
  if (point == Point::Main) {
    if (first_program.start == first_program.entry) follow_to_main(thread);
    else plant(UserAddress(first_program.entry));  // the dynamic loader runs first
  }
  thread.work = 0;
  return_to_user(thread.frame);
}

bool take_breakpoint(Thread& thread) {
  UserAddress at = point_record.breakpoint;
  if (!point_record.running || !at || thread.frame.pc != at.value) return false;
  point_record.breakpoint = {};
  if (auto restored = space().patch(at, &point_record.instruction, sizeof point_record.instruction); !restored)
    panic("shadow point main: out of memory");
  if (point_record.main) freeze_here(thread);
  follow_to_main(thread);
  return true;
}

// The call begins again in each fork, and finds that it is one.
void freeze_at_call(Thread& thread) {
  thread.frame.pc -= 4;
  thread.frame.a(0) = thread.original_a0;
  freeze_here(thread);
}

}  // namespace shadow

bool shadow_point_wanted() {
  if (shadow::point_record.point != shadow::Point::Call || !shadow::point_record.running) return false;
  current_thread().work |= WorkFreeze;
  return true;
}

}  // namespace pl
