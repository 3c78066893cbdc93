// SPDX-License-Identifier: BSD-2-Clause
#include "process/debug.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/hot.h"
#include "base/list.h"
#include "fs/path.h"
#include "memory/address_space_implementation.h"
#include "memory/heap.h"
#include "ocall/ring.h"
#include "process/process.h"
#include "process/scheduler.h"

namespace pl::debug {

constinit bool is_enabled = false;

namespace {

constexpr size_t RoomForAll = 4096;
constexpr uint16_t ShortBreakpoint = 0x9002;    // c.ebreak
constexpr uint32_t LongBreakpoint = 0x00100073; // ebreak

struct Breakpoint {
  UserAddress address;
  uint32_t bytes;
  uint32_t original = 0;
  ListLink<Breakpoint> link;
};

// Begins anew in each fork: its debugger is another, and its breakpoints are none.
struct State {
  uint32_t wanted;  // bit n: PL_STOP_n
  int only;         // the thread that runs alone; 0: all do
  bool stopped;
  WaitQueue held;
  List<Breakpoint, &Breakpoint::link> breakpoints;
  ocall::WindowBuffer* window;  // kept, so that a stop never waits for one
};
PL_HOT_FRESH constinit State state{};

AddressSpaceImplementation& implementation(AddressSpace& space) { return static_cast<AddressSpaceImplementation&>(space); }
AddressSpace* debugged_space() { return Process::first().address_space.get(); }
bool is_debugged(const Thread& thread) { return thread.state != ThreadState::Dead && thread.address_space == debugged_space(); }

const void* instruction_of(const Breakpoint& b) { return b.bytes == sizeof ShortBreakpoint ? static_cast<const void*>(&ShortBreakpoint) : &LongBreakpoint; }

// Whether its instruction is still there: what it was put into may have been mapped anew.
bool stands(const Breakpoint& b, AddressSpaceImplementation& space) {
  uint32_t now = 0;
  auto got = space.peek(b.address, &now, b.bytes);
  return got && *got == b.bytes && !memcmp(&now, instruction_of(b), b.bytes);
}

void forget(Breakpoint& b) {
  state.breakpoints.remove(&b);
  heap_delete(&b);
}

ErrorOr<void> remove(UserAddress address) {
  for (Breakpoint& b : state.breakpoints) {
    if (b.address != address) continue;
    AddressSpaceImplementation& space = implementation(*debugged_space());
    ErrorOr<void> restored;
    if (stands(b, space)) restored = space.patch(address, &b.original, b.bytes);
    forget(b);
    return restored;
  }
  return {};
}

ErrorOr<void> insert(UserAddress address, uint32_t bytes) {
  if ((bytes != sizeof ShortBreakpoint && bytes != sizeof LongBreakpoint) || address.value % 2) return fail(Errno::Invalid);
  TRY(remove(address));
  auto* b = heap_new<Breakpoint>(Breakpoint{.address = address, .bytes = bytes, .original = 0, .link = {}});
  if (!b) return fail(Errno::NoMemory);
  Guard drop([&] { heap_delete(b); });
  AddressSpaceImplementation& space = implementation(*debugged_space());
  if (TRY(space.peek(address, &b->original, bytes)) != bytes) return fail(Errno::Fault);
  TRY(space.patch(address, instruction_of(*b), bytes));
  drop.disarm();
  state.breakpoints.push_back(b);
  return {};
}

// Calls visit(breakpoint, its byte, byte of the range) for each byte that a breakpoint has taken in a range of memory.
template <class Visit>
void for_each_taken_byte(AddressSpaceImplementation& space, UserAddress start, size_t bytes, Visit visit) {
  if (&space != debugged_space()) return;
  for (Breakpoint& b : state.breakpoints)
    for (unsigned i = 0; i < b.bytes; i++)
      if (uint64_t at = b.address.value + i - start.value; at < bytes) visit(b, reinterpret_cast<std::byte*>(&b.original)[i], size_t(at));
}

// A debugger sees memory as if no breakpoint were in it (GDB's manual, "z0"), and writes what is below them.
ErrorOr<size_t> read(AddressSpaceImplementation& space, UserAddress address, std::byte* to, size_t bytes) {
  size_t got = TRY(space.peek(address, to, bytes));
  for_each_taken_byte(space, address, got, [&](Breakpoint& b, std::byte original, size_t at) {
    if (stands(b, space)) to[at] = original;
  });
  return got;
}

ErrorOr<void> write(AddressSpaceImplementation& space, UserAddress address, const std::byte* from, size_t bytes) {
  TRY(space.patch(address, from, bytes));
  ErrorOr<void> planted;
  for_each_taken_byte(space, address, bytes, [&](Breakpoint& b, std::byte& original, size_t at) {
    original = from[at];
    if (planted) planted = space.patch(b.address, instruction_of(b), b.bytes);
  });
  return planted;
}

// 0: all do.
void run_alone(int tid) {
  const bool was_held = state.only;
  state.only = tid;
  if (was_held) state.held.wake_all();
  if (!tid) return;
  for_each_process([&](Process& process) {
    for (Thread& thread : process.threads)
      if (thread.tid != tid && is_debugged(thread)) thread.work |= WorkDebug;
    return true;
  });
}

// One stop: what it is, and the commands that are carried out in it.
class Stop {
 public:
  Stop(uint32_t reason, const SignalInfo& info, Thread& thread) : thread_(thread) {
    stop_.reason = reason;
    stop_.signal = info.number;
    stop_.code = info.code;
    stop_.address = info.fault.address;
    stop_.tid = uint32_t(thread.tid);
    stop_.pid = uint32_t(thread.process->pid);
  }

  // Returns the signal to go on with.
  int serve() {
    for (;;) {
      state.window->write(0, &stop_, sizeof stop_);
      auto reply = ocall::call({.operation = PL_OP_DEBUG, .buffer = state.window->offset(), .length = state.window->size()});
      if (!reply) return stop_.signal;  // nobody is there
      size_t given = reply->result.any();  // at most the buffer's length: a rule of the operation
      state.window->read(0, &command_, sizeof command_);
      data_ = given > sizeof command_ ? given - sizeof command_ : 0;
      stop_.value = 0;
      if (command_.command == PL_DEBUG_CONTINUE) break;
      auto done = obey();
      stop_.result = done ? int32_t(*done) : -int32_t(done.error());
    }
    state.wanted = command_.flags;
    run_alone(int(command_.tid));
    return command_.address <= sig::Count ? int(command_.address) : 0;
  }

 private:
  static constexpr size_t Room = RoomForAll - sizeof(pl_debug_stop);
  std::byte* answer() { return state.window->bytes() + sizeof(pl_debug_stop); }
  std::byte* data() { return state.window->bytes() + sizeof(pl_debug_command); }

  ErrorOr<Thread*> subject() {
    if (!command_.tid || int(command_.tid) == thread_.tid) return &thread_;
    Thread* thread = find_thread(int(command_.tid));
    if (!thread || thread->state == ThreadState::Dead) return fail(Errno::NoProcess);
    return thread;
  }

  ErrorOr<size_t> obey() {
    const UserAddress address(command_.address);
    // Before its shadow point a program is seen and not changed: its forks are what was measured.
    constexpr uint32_t Looks = 1u << PL_DEBUG_READ | 1u << PL_DEBUG_REGISTERS | 1u << PL_DEBUG_THREADS | 1u << PL_DEBUG_FILE;
    if (ocall::closed_to_host() && (command_.command > PL_DEBUG_FILE || !(Looks >> command_.command & 1))) return fail(Errno::Perm);
    switch (command_.command) {
      case PL_DEBUG_READ:
        return read(implementation(*TRY(subject())->address_space), address, answer(), std::min(size_t(command_.length), Room));
      case PL_DEBUG_WRITE:
        if (command_.length > data_) return fail(Errno::Invalid);
        TRY(write(implementation(*TRY(subject())->address_space), address, data(), command_.length));
        return 0;
      case PL_DEBUG_REGISTERS: return registers(*TRY(subject()));
      case PL_DEBUG_SET_REGISTERS: return set_registers(*TRY(subject()));
      case PL_DEBUG_THREADS: return threads();
      case PL_DEBUG_INSERT:
        TRY(insert(address, command_.length));
        return 0;
      case PL_DEBUG_REMOVE:
        TRY(remove(address));
        return 0;
      case PL_DEBUG_FILE: return file();
      default: return fail(Errno::NoSystemCall);
    }
  }

  ErrorOr<size_t> registers(Thread& thread) {
    // Of another than the current one they were saved when it was switched away.
    if (&thread == &current_thread()) save_floats(thread);
    pl_debug_registers r;
    memcpy(r.x, thread.frame.x, sizeof r.x);
    r.x[0] = thread.frame.pc;
    memcpy(r.f, thread.floats.f, sizeof r.f);
    r.fcsr = thread.floats.fcsr;
    memcpy(answer(), &r, sizeof r);
    return sizeof r;
  }

  ErrorOr<size_t> set_registers(Thread& thread) {
    pl_debug_registers r;
    if (data_ < sizeof r) return fail(Errno::Invalid);
    if (thread.in_call) return fail(Errno::Busy);
    memcpy(&r, data(), sizeof r);
    if (r.x[0] != thread.frame.pc) {  // an interrupted call is not begun again
      thread.frame_replaced = true;
      thread.work |= WorkSignal;  // clears frame_replaced
    }
    memcpy(thread.frame.x + 1, r.x + 1, sizeof r.x - sizeof r.x[0]);
    thread.frame.pc = r.x[0];
    memcpy(thread.floats.f, r.f, sizeof r.f);
    thread.floats.fcsr = r.fcsr & 0xff;
    if (&thread == &current_thread()) load_floats(thread);
    return 0;
  }

  ErrorOr<size_t> threads() {
    uint64_t index = 0;
    size_t used = 0;
    for_each_process([&](Process& process) {
      for (Thread& thread : process.threads) {
        if (!is_debugged(thread) || index++ < command_.address || used + sizeof(pl_debug_thread) > Room) continue;
        pl_debug_thread record{uint32_t(thread.tid), uint32_t(process.pid), {}};
        memcpy(record.name, thread.name, sizeof record.name);
        memcpy(answer() + used, &record, sizeof record);
        used += sizeof record;
      }
      return true;
    });
    return used;
  }

  // As the stopped process sees it.
  ErrorOr<size_t> file() {
    char path[256];
    const size_t length = command_.length;
    if (length > data_ || length > sizeof path) return fail(Errno::NameTooLong);
    if (current_thread().state == ThreadState::Dead) return fail(Errno::Busy);  // it only lends its stack, and has no directories any more
    memcpy(path, data(), length);
    const Ref<Inode>& root = thread_.process->file_context->root;
    const std::string_view name(path, length);
    // Opening anything else may have an effect, or wait.
    if (TRY(resolve(root, name, LastLink::Follow))->type() != file_mode::Regular) return fail(Errno::Invalid);
    Ref<File> file = TRY(open_path(root, name, 0, 0));
    stop_.value = TRY(file->attributes()).size;
    if (command_.address) TRY(file->seek(int64_t(command_.address), 0));
    Buffer buffer = Buffer::kernel(answer(), std::min(size_t(command_.flags), Room));
    return file->read(buffer);
  }

  Thread& thread_;
  pl_debug_stop stop_{};
  pl_debug_command command_{};
  size_t data_ = 0;  // bytes behind the command
};

// The current thread, unless the hart was idle on the stack of one that is not the debugger's business.
Thread* thread_to_stop(uint32_t reason) {
  Thread& me = current_thread();
  if (reason != PL_STOP_INTERRUPT || is_debugged(me)) return &me;
  return Process::first().threads.first();
}

}  // namespace

void enable() {
  is_enabled = true;
  ocall::accept_interrupts();
}

int tell(uint32_t reason, const SignalInfo& info) {
  // Before a template's freeze nobody has asked for anything, but a death is told.
  const bool closed = ocall::closed_to_host();
  if (closed ? reason != PL_STOP_FATAL : reason != PL_STOP_START && !(state.wanted >> reason & 1)) return info.number;
  if (!state.window) {
    auto buffer = ocall::WindowBuffer::allocate(RoomForAll);
    if (buffer && buffer->size() == RoomForAll) state.window = heap_new<ocall::WindowBuffer>(std::move(*buffer));
    if (!state.window) return info.number;
  }
  Thread* thread = thread_to_stop(reason);
  // A signal that the host asks for while it is asked what to do.
  if (!thread || state.stopped) return info.number;
  state.stopped = true;
  int signal = Stop(reason, info, *thread).serve();
  state.stopped = false;
  if (closed) heap_delete(std::exchange(state.window, nullptr));  // a template holds nothing of the window
  return signal;
}

bool may_take_slowly(Thread& thread, SignalInfo& info) {
  if (info.number == sig::Kill || !is_debugged(thread)) return true;
  int number = tell(PL_STOP_SIGNAL, info);
  if (number && number != info.number) info = SignalInfo::kernel(number);
  return number != 0;
}

void wait_for_turn(Thread& thread) {
  (void)wait_for(state.held, NoDeadline, Sleep::Uninterruptible,
                 [&] { return !state.only || state.only == thread.tid || thread.process->exiting; });
}

void hold_if_not_its_turn(Thread& thread) {
  if (state.only && is_debugged(thread)) thread.work |= WorkDebug;
}

void thread_ends(Thread& thread) {
  if (!state.only || (state.only != thread.tid && !thread.process->exiting)) return;
  if (state.only == thread.tid) state.only = 0;
  state.held.wake_all();
}

ErrorOr<void> clear_breakpoints(AddressSpace& of, AddressSpace& copy) {
  if (state.breakpoints.empty() || &of != debugged_space()) return {};
  AddressSpaceImplementation& space = implementation(copy);
  for (Breakpoint& b : state.breakpoints)
    if (stands(b, space)) TRY(space.patch(b.address, &b.original, b.bytes));
  return {};
}

void executed(Process& process) {
  if (!enabled()) return;
  // The thread that ran alone is the debugger's business no more (a child of vfork()), or has another number now (the first process's).
  if (process.is_first() || state.only == current_thread().tid) run_alone(0);
  if (!process.is_first()) return;
  while (Breakpoint* b = state.breakpoints.first()) forget(*b);
  tell(PL_STOP_EXEC, {});
}

}  // namespace pl::debug
