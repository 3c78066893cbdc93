// SPDX-License-Identifier: BSD-2-Clause
#include "process/debug.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/hot.h"
#include "fs/path.h"
#include "memory/address_space_implementation.h"
#include "memory/heap.h"
#include "ocall/ring.h"
#include "process/process.h"
#include "process/scheduler.h"
#include "process/send.h"

namespace pl::debug {

constinit bool is_enabled = false;

namespace {

constexpr size_t RoomForAll = 4096;
constexpr uint64_t CallInstruction = 4;  // bytes of an ecall

// Begins anew in each fork: its debugger is another.
struct State {
  uint32_t wanted;  // bit n: PL_STOP_n
  int only;         // the thread, or the process, that runs alone; 0: all do
  bool only_process;
  bool stopped;
  WaitQueue held;
  ocall::WindowBuffer* window;  // kept, so that a stop never waits for one
  // A call that had its effect although its thread was to leave it: what came of it, for when the thread stands there again.
  struct { int tid; uint64_t pc, first, result; } done;
};
PL_HOT_FRESH constinit State state{};

AddressSpaceImplementation& implementation(AddressSpace& space) { return static_cast<AddressSpaceImplementation&>(space); }
bool is_debugged(const Thread& thread) { return thread.state != ThreadState::Dead && thread.process->debugged; }

bool is_held(const Thread& thread) {
  return state.only && is_debugged(thread) && state.only != (state.only_process ? thread.process->pid : thread.tid);
}

// 0: all do.
void run_alone(int id, bool process) {
  if (state.only) state.held.wake_all();
  state.only = id;
  state.only_process = process;
  if (!id) return;
  for_each_process([&](Process& process) {
    for (Thread& thread : process.threads)
      if (is_held(thread)) thread.work |= WorkDebug;
    return true;
  });
}

// A call that its thread is still in, with the registers that it was made with. One that sleeps can be left.
bool is_inside(const Thread& thread) { return thread.in_call && !thread.frame_replaced; }
bool can_leave(const Thread& thread) { return thread.state == ThreadState::Sleeping && thread.interruptible; }

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
    run_alone(int(command_.tid), command_.length);
    if (Thread* thread = state.done.tid ? find_thread(state.done.tid) : nullptr) {
      TrapFrame& frame = thread->frame;
      if (frame.pc == state.done.pc && frame.a(0) == state.done.first) {
        frame.pc += CallInstruction;
        frame.a(0) = state.done.result;
        state.done.tid = 0;
      }
    }
    return command_.address <= sig::Count ? int(command_.address) : 0;
  }

 private:
  static constexpr size_t Room = RoomForAll - sizeof(pl_debug_stop);
  std::byte* answer() { return state.window->bytes() + sizeof(pl_debug_stop); }
  std::byte* data() { return state.window->bytes() + sizeof(pl_debug_command); }

  // Or any thread of a process whose first has ended.
  ErrorOr<Thread*> subject() {
    const int id = int(command_.tid);
    if (!id || id == thread_.tid) return &thread_;
    Thread* thread = find_thread(id);
    if (thread && thread->state != ThreadState::Dead) return thread;
    Process* process = find_process(id);
    thread = process ? process->threads.first() : nullptr;
    if (!thread) return fail(Errno::NoProcess);
    return thread;
  }

  ErrorOr<size_t> obey() {
    const UserAddress address(command_.address);
    // Before its shadow point a program is seen and not changed: its forks are what was measured.
    constexpr uint32_t Looks = 1u << PL_DEBUG_READ | 1u << PL_DEBUG_REGISTERS | 1u << PL_DEBUG_THREADS | 1u << PL_DEBUG_LINK | 1u << PL_DEBUG_FILE;
    if (ocall::closed_to_host() && (command_.command > PL_DEBUG_FILE || !(Looks >> command_.command & 1))) return fail(Errno::Perm);
    switch (command_.command) {
      case PL_DEBUG_READ:
        return implementation(*TRY(subject())->address_space).peek(address, answer(), std::min(size_t(command_.length), Room));
      case PL_DEBUG_WRITE:
        if (command_.length > data_) return fail(Errno::Invalid);
        TRY(implementation(*TRY(subject())->address_space).patch(address, data(), command_.length));
        return 0;
      case PL_DEBUG_REGISTERS: return registers(*TRY(subject()));
      case PL_DEBUG_SET_REGISTERS: return set_registers(*TRY(subject()));
      case PL_DEBUG_THREADS: return threads();
      case PL_DEBUG_RELEASE: return release();
      case PL_DEBUG_FILE: return file();
      case PL_DEBUG_LINK: return link();
      default: return fail(Errno::NoSystemCall);
    }
  }

  void read_registers(Thread& thread, pl_debug_registers& r) {
    // Of another than the current one they were saved when it was switched away.
    if (&thread == &current_thread()) save_floats(thread);
    memcpy(r.x, thread.frame.x, sizeof r.x);
    // One that sleeps in a call stands where it will begin it again, as on Linux.
    r.x[0] = thread.frame.pc - (is_inside(thread) && can_leave(thread) ? CallInstruction : 0);
    memcpy(r.f, thread.floats.f, sizeof r.f);
    r.fcsr = thread.floats.fcsr;
  }

  ErrorOr<size_t> registers(Thread& thread) {
    pl_debug_registers r;
    read_registers(thread, r);
    memcpy(answer(), &r, sizeof r);
    return sizeof r;
  }

  ErrorOr<size_t> set_registers(Thread& thread) {
    pl_debug_registers r, before;
    if (data_ < sizeof r) return fail(Errno::Invalid);
    memcpy(&r, data(), sizeof r);
    read_registers(thread, before);
    if (!memcmp(&r, &before, sizeof r)) return 0;
    if (is_inside(thread)) {
      if (!can_leave(thread)) return fail(Errno::Busy);
      thread.frame_replaced = true;  // call_was_left() sees to what comes of it
      signal_wake(thread);
    } else if (r.x[0] != before.x[0]) {  // an interrupted call is not begun again
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

  ErrorOr<size_t> release() {
    Process* process = find_process(int(command_.tid));
    if (!process) return fail(Errno::NoProcess);
    process->debugged = false;
    if (command_.length) (void)send_signal(*process, SignalInfo::kernel(sig::Kill));
    state.held.wake_all();
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

  // By a path as the stopped process sees it.
  ErrorOr<Ref<Inode>> named(LastLink last) {
    const size_t length = command_.length;
    if (length > data_ || length > sizeof path_) return fail(Errno::NameTooLong);
    if (current_thread().state == ThreadState::Dead) return fail(Errno::Busy);  // it only lends its stack, and has no directories any more
    memcpy(path_, data(), length);
    return resolve(thread_.process->file_context->root, {path_, length}, last);
  }

  ErrorOr<size_t> file() {
    // Opening anything else may have an effect, or wait.
    if (TRY(named(LastLink::Follow))->type() != file_mode::Regular) return fail(Errno::Invalid);
    Ref<File> file = TRY(open_path(thread_.process->file_context->root, {path_, command_.length}, 0, 0));
    stop_.value = TRY(file->attributes()).size;
    if (command_.address) TRY(file->seek(int64_t(command_.address), 0));
    Buffer buffer = Buffer::kernel(answer(), std::min(size_t(command_.flags), Room));
    return file->read(buffer);
  }

  ErrorOr<size_t> link() { return TRY(named(LastLink::Keep))->readlink(reinterpret_cast<char*>(answer()), Room); }

  char path_[256];
  Thread& thread_;
  pl_debug_stop stop_{};
  pl_debug_command command_{};
  size_t data_ = 0;  // bytes behind the command
};

// The current thread, unless the hart was idle on the stack of one that is not the debugger's business. Who asks from outside finds the
// first process, if it has let go of all.
Thread* thread_to_stop(uint32_t reason) {
  Thread& me = current_thread();
  if (reason != PL_STOP_INTERRUPT || is_debugged(me)) return &me;
  Thread* found = nullptr;
  for_each_process([&](Process& process) {
    if (process.debugged && !found) found = process.threads.first();
    return true;
  });
  if (!found) found = Process::first().threads.first();
  if (found) found->process->debugged = true;
  return found;
}

bool is_wanted(uint32_t reason) {
  // Before a template's freeze nobody has asked for anything, but a death is told.
  if (ocall::closed_to_host()) return reason == PL_STOP_FATAL;
  if (reason == PL_STOP_START) return current_process().debugged = true;
  return wants(reason) && (reason == PL_STOP_FATAL || reason == PL_STOP_INTERRUPT || current_process().debugged);
}

}  // namespace

void enable() {
  is_enabled = true;
  ocall::accept_interrupts();
}

bool wants(uint32_t reason) { return state.wanted >> reason & 1; }

int tell(uint32_t reason, const SignalInfo& info) {
  if (!is_wanted(reason)) return info.number;
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
  if (ocall::closed_to_host()) heap_delete(std::exchange(state.window, nullptr));  // a template holds nothing of the window
  return signal;
}

void tell_of(uint32_t reason, uint64_t what, int code) {
  SignalInfo info{};
  info.code = code;
  info.fault.address = what;
  (void)tell(reason, info);
}

bool may_take_slowly(Thread& thread, SignalInfo& info) {
  if (info.number == sig::Kill || !is_debugged(thread)) return true;
  int number = tell(PL_STOP_SIGNAL, info);
  if (number && number != info.number) info = SignalInfo::kernel(number);
  return number != 0;
}

void wait_for_turn(Thread& thread) {
  (void)wait_for(state.held, NoDeadline, Sleep::Uninterruptible, [&] { return !is_held(thread) || thread.process->exiting; });
}

void hold_if_not_its_turn(Thread& thread) {
  if (is_held(thread)) thread.work |= WorkDebug;
}

void thread_ends(Thread& thread) {
  if (!state.only) return;
  const bool was_it = state.only_process ? state.only == thread.process->pid && thread.process->thread_count == 1 : state.only == thread.tid;
  if (!was_it && !thread.process->exiting) return;
  if (was_it) state.only = 0;
  state.held.wake_all();
}

bool may_call(Thread& thread) {
  if (!wants(PL_STOP_ENTRY)) return true;
  TrapFrame& frame = thread.frame;
  const uint64_t place = frame.pc -= CallInstruction;
  tell_of(PL_STOP_ENTRY, frame.x[RegisterA7], 0);
  if (frame.pc != place) return false;
  frame.pc += CallInstruction;
  thread.frame_replaced = false;
  thread.original_a0 = frame.a(0);
  return true;
}

uint64_t call_was_left(Thread& thread, uint64_t place, uint64_t first, uint64_t result) {
  const auto error = -int64_t(result);
  if (error != int(Errno::Interrupted) && error < int(Errno::RestartSystemCall)) state.done = {thread.tid, place, first, result};
  return thread.frame.a(0);
}

void executed() {
  if (!enabled()) return;
  // Its thread has another number now.
  if (state.only && !state.only_process) run_alone(0, false);
  tell(PL_STOP_EXEC, {});
}

}  // namespace pl::debug
