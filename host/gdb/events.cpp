// SPDX-License-Identifier: BSD-2-Clause
// What a stop means to GDB.
#include <fmt/format.h>

#include "gdb/registers.h"
#include "gdb/session.h"

namespace pl::gdb {
namespace {

constexpr uint32_t kFirstProcess = 2;
constexpr int kTrap = 5, kInterruptSignal = 2, kKilled = 9;
constexpr int kTrapBreakpoint = 1;  // TRAP_BRKPT
// Forks and ends also where GDB does not ask: a child's memory has its parent's breakpoints.
constexpr uint32_t kWanted = 1u << PL_STOP_SIGNAL | 1u << PL_STOP_INTERRUPT | 1u << PL_STOP_EXEC | 1u << PL_STOP_FATAL | 1u << PL_STOP_FORK |
                             1u << PL_STOP_VFORK_DONE | 1u << PL_STOP_EXIT;
constexpr uint32_t kCalls = 1u << PL_STOP_ENTRY | 1u << PL_STOP_RETURN;
constexpr int kCloneMemory = 0x100, kCloneVfork = 0x4000;  // clone(2)

}  // namespace

uint32_t Session::wanted() const { return kWanted | (catches_ ? kCalls : 0); }

void Session::stopped(const pl_debug_stop& stop) {
  stop_ = stop;
  moved_ = false;
  subject_ = subject_process_ = 0;
  object_name_.clear();
  if (!is_news(stop)) {
    if (done_) return;
    Resumption again = last_resumption_;
    again.signal = stop.reason == PL_STOP_SIGNAL ? stop.signal : 0;
    again.wanted = wanted();
    stop_.reset();
    return control_.resume(again);
  }
  if (asked_) send(stop_reply(true));
  asked_ = false;
}

void Session::died(const pl_debug_stop& stop) {
  Resumption again = last_resumption_;
  again.signal = stop.signal;
  again.wanted = wanted();
  control_.resume(again);
}

void Session::abandon(const pl_debug_stop& stop) {
  stop_ = stop;
  if (stop.reason == PL_STOP_FORK) (void)forked(stop);
  if (stop.reason == PL_STOP_EXEC) breakpoints_.forget(stop.pid);
  let_go();
}

void Session::begin(const pl_debug_stop& stop) {
  stop_ = stop;
  followed_ = {stop.pid};
}

// False: GDB hears nothing of it.
bool Session::is_news(const pl_debug_stop& stop) {
  switch (stop.reason) {
    case PL_STOP_SIGNAL: return !passed_.contains(stop.signal);
    case PL_STOP_EXEC:
      breakpoints_.forget(stop.pid);  // they went with the program
      return follows(stop.pid);
    case PL_STOP_FORK: return forked(stop);
    case PL_STOP_VFORK_DONE:
      if (borrower_ == stop.address) {
        borrower_ = 0;
        breakpoints_.put_back(stop.pid);
        return false;
      }
      return processes_ && vforks_ && follows(stop.pid);
    case PL_STOP_ENTRY:
    case PL_STOP_RETURN: return catches_ && (caught_.empty() || caught_.contains(stop.address));
    case PL_STOP_EXIT:
      if (!follows(stop.pid)) return false;
      if (followed_.size() > 1) {
        breakpoints_.forget(stop.pid);
        return true;
      }
      if (stop.pid == kFirstProcess) return false;  // ended() tells
      // The last that GDB followed; the others go on without it.
      if (asked_) send(stop_reply(true));
      followed_.clear();
      leave_alone();
      return false;
    default:
      followed_.insert(stop.pid);
      return true;
  }
}

bool Session::forked(const pl_debug_stop& stop) {
  const auto child = static_cast<uint32_t>(stop.address);
  const bool same_memory = stop.code & kCloneMemory, waits = stop.code & kCloneVfork;
  breakpoints_.forked(stop.pid, child, same_memory);
  if (processes_ && (waits ? vforks_ : forks_) && (waits || !same_memory)) {
    followed_.insert(child);
    return true;
  }
  if (same_memory && !waits) {
    // GDB has no name for it; it may come to its parent's breakpoints, and is met there.
    followed_.insert(child);
    return false;
  }
  if (waits && same_memory) {
    breakpoints_.take_out(stop.pid);
    borrower_ = child;
  } else {
    breakpoints_.remove_all(child);
  }
  breakpoints_.forget(child);
  (void)debuggee_.release(child, false);
  return false;
}

std::string Session::end_reply(uint32_t process, int status, int signal) const {
  const std::string text = signal ? fmt::format("X{:02x}", signal_to_gdb(signal)) : fmt::format("W{:02x}", status & 0xff);
  return processes_ ? fmt::format("{};process:{:x}", text, process) : text;
}

void Session::ended(int status, int signal) {
  const uint32_t process = follows(kFirstProcess) || followed_.empty() ? kFirstProcess : *followed_.begin();
  if (asked_) send(process == kFirstProcess ? end_reply(process, status, signal) : end_reply(process, 0, kKilled));
  stop_.reset();
  asked_ = false;
}

// Without `news` it is who asks for the first time.
std::string Session::stop_reply(bool news) {
  const pl_debug_stop& stop = *stop_;
  if (news && stop.reason == PL_STOP_EXIT) {
    followed_.erase(stop.pid);
    return end_reply(stop.pid, stop.code >> 8 & 0xff, stop.code & 0x7f);
  }
  const int signal = stop.reason == PL_STOP_INTERRUPT ? kInterruptSignal : stop.reason == PL_STOP_SIGNAL || stop.reason == PL_STOP_FATAL ? stop.signal : kTrap;
  std::string text = fmt::format("T{:02x}thread:{};", signal_to_gdb(signal), thread_text(stop.pid, stop.tid));
  if (!news) return text;
  switch (stop.reason) {
    case PL_STOP_SIGNAL:
      if (stop.signal == kTrap && stop.code == kTrapBreakpoint) text += "swbreak:;";
      return text;
    case PL_STOP_EXEC: return executes_ ? text + "exec:" + to_hex(program_path(stop.pid)) + ";" : text;
    case PL_STOP_FORK: {
      const auto child = static_cast<uint32_t>(stop.address);
      return text + fmt::format("{}:{};", stop.code & kCloneVfork ? "vfork" : "fork", thread_text(child, child));
    }
    case PL_STOP_VFORK_DONE: return text + "vforkdone:;";
    case PL_STOP_ENTRY: return text + fmt::format("syscall_entry:{:x};", stop.address);
    case PL_STOP_RETURN: return text + fmt::format("syscall_return:{:x};", stop.address);
    default: return text;
  }
}

}  // namespace pl::gdb
