// SPDX-License-Identifier: BSD-2-Clause
// Who is meant, and who goes on.
#include <fmt/format.h>

#include <cerrno>

#include "gdb/registers.h"
#include "gdb/session.h"

namespace pl::gdb {
namespace {

constexpr uint32_t kFirstProcess = 2;  // of every instance
constexpr int kTrap = 5;
constexpr uint32_t kWantedAlone = 1u << PL_STOP_FATAL | 1u << PL_STOP_INTERRUPT;  // with nobody connected

std::optional<int64_t> take_id(std::string_view& text) {
  if (take_word(text, "-1")) return ThreadId::kAll;
  const auto number = take_hex(text);
  if (!number || *number > INT32_MAX) return std::nullopt;
  return static_cast<int64_t>(*number);
}

}  // namespace

std::optional<ThreadId> take_thread(std::string_view& text) {
  ThreadId id;
  const bool has_process = take_word(text, "p");
  const auto first = take_id(text);
  if (!first) return std::nullopt;
  if (!has_process) return ThreadId{ThreadId::kAny, *first};
  id.process = *first;
  id.thread = ThreadId::kAll;
  if (!take_word(text, ".")) return id;
  const auto thread = take_id(text);
  if (!thread) return std::nullopt;
  id.thread = *thread;
  return id;
}

std::string Session::thread_text(uint32_t process, uint32_t thread) const { return processes_ ? fmt::format("p{:x}.{:x}", process, thread) : fmt::format("{:x}", thread); }

std::string Session::list_threads() {
  std::string text = "m";
  for (const pl_debug_thread& thread : debuggee_.threads())
    if (follows(thread.pid)) text += (text.size() > 1 ? "," : "") + thread_text(thread.pid, thread.tid);
  return text.size() > 1 && text.size() < kPacketMax ? text : "l";
}

int Session::pending_signal() const {
  const bool fault = stop_->code > 0 && stop_->code < 0x80;
  return stop_->reason != PL_STOP_SIGNAL || (fault && (moved_ || stop_->signal == kTrap)) ? 0 : stop_->signal;
}

Session::Answer Session::go_on(const Resumption& resumption) {
  last_resumption_ = resumption;
  stop_.reset();
  asked_ = true;
  control_.resume(resumption);
  return std::nullopt;
}

// ACTION[:THREAD];... The leftmost that fits a thread is its own (GDB manual, "vCont"); a thread without one stays where it is.
Session::Answer Session::resume_threads(std::string_view actions) {
  Resumption resumption{0, 0, false, wanted()};
  bool all = false, own = false;
  std::set<uint32_t> threads, processes;
  while (!actions.empty()) {
    const char kind = actions[0];
    actions.remove_prefix(1);
    uint64_t signal = 0;
    if (kind == 'C') {
      const auto number = take_hex(actions);
      if (!number) return failed(EINVAL);
      signal = *number;
    } else if (kind != 'c') {
      return failed(EINVAL);
    }
    ThreadId id{ThreadId::kAll, ThreadId::kAll};
    if (take_word(actions, ":")) {
      const auto named = take_thread(actions);
      if (!named) return failed(EINVAL);
      id = *named;
    }
    if (!actions.empty() && !take_word(actions, ";")) return failed(EINVAL);
    const bool one = id.thread > 0, one_process = !one && id.process > 0;
    if (one) threads.insert(static_cast<uint32_t>(id.thread));
    else if (one_process) processes.insert(static_cast<uint32_t>(id.process));
    else all = true;
    const bool fits = one ? id.thread == stop_->tid : !one_process || id.process == stop_->pid;
    if (fits && !own) {
      resumption.signal = signal_from_gdb(signal);
      own = true;
    }
  }
  // All that are followed, one process, or one thread: more than one of either does not happen without the rest of its kind.
  if (!all && processes.empty() && threads.empty()) return failed(EINVAL);
  if (!all && processes.size() == 1) resumption.only = *processes.begin(), resumption.only_process = true;
  else if (!all && processes.empty()) resumption.only = *threads.begin();
  if (!own) resumption.signal = pending_signal();  // it takes that when its turn comes
  return go_on(resumption);
}

// Hc and Hg; what 'c' is about is decided by vCont.
Session::Answer Session::choose_thread(std::string_view packet) {
  if (packet.size() < 3) return failed(EINVAL);
  const bool general = packet[1] == 'g';
  packet.remove_prefix(2);
  const auto id = take_thread(packet);
  if (!id) return failed(EINVAL);
  if (!general) return "OK";
  subject_ = subject_process_ = 0;
  if (id->thread > 0) {
    for (const pl_debug_thread& thread : debuggee_.threads()) {
      if (thread.tid != id->thread) continue;
      subject_ = thread.tid;
      subject_process_ = thread.pid;
      return "OK";
    }
    if (id->thread == stop_->tid) return "OK";
    return failed(ESRCH);
  }
  if (id->process > 0) subject_ = subject_process_ = static_cast<uint32_t>(id->process);
  return "OK";
}

void Session::let_go() {
  for (const uint32_t process : followed_) {
    breakpoints_.remove_all(process);
    // The one that stands still is whom the next that connects finds.
    if (!stop_ || process != stop_->pid) (void)debuggee_.release(process, false);
  }
}

// Nobody is followed any more.
void Session::leave_alone() {
  const int signal = pending_signal();
  let_go();
  stop_.reset();
  done_ = true;
  control_.resume({signal, 0, false, kWantedAlone});
}

// D, or D;PID
Session::Answer Session::detach(std::string_view packet) {
  const auto process = take_word(packet, "D;") ? take_hex(packet) : std::nullopt;
  if (process && followed_.size() > 1) {
    if (!follows(static_cast<uint32_t>(*process))) return failed(ESRCH);
    breakpoints_.remove_all(static_cast<uint32_t>(*process));
    breakpoints_.forget(static_cast<uint32_t>(*process));
    (void)debuggee_.release(static_cast<uint32_t>(*process), false);
    followed_.erase(static_cast<uint32_t>(*process));
    return "OK";
  }
  send("OK");
  leave_alone();
  return std::nullopt;
}

// vKill;PID: the end of the first process is that of all.
Session::Answer Session::kill(std::string_view packet) {
  const auto process = take_hex(packet);
  if (process && *process != kFirstProcess && follows(static_cast<uint32_t>(*process))) {
    (void)debuggee_.release(static_cast<uint32_t>(*process), true);
    followed_.erase(static_cast<uint32_t>(*process));
    breakpoints_.forget(static_cast<uint32_t>(*process));
    send("OK");
    if (followed_.empty()) leave_alone();
    return std::nullopt;
  }
  control_.kill();
  send("OK");
  done_ = true;
  return std::nullopt;
}

}  // namespace pl::gdb
