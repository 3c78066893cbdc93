// SPDX-License-Identifier: BSD-2-Clause
// GDB's conversation about the processes that it follows, as far as it is no matter of sockets: bytes from GDB, stops of a program, and what
// comes of them. All-stop; GDB steps by breakpoints of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "debug/debuggee.h"
#include "gdb/breakpoints.h"
#include "gdb/packet.h"

namespace pl::gdb {

class Session {
 public:
  // What a conversation does to the program besides looking at it; called from take().
  struct Control {
    std::function<void(const Resumption&)> resume;
    std::function<void()> interrupt;
    std::function<void()> kill;
  };
  // `send` takes bytes for GDB.
  Session(Debuggee& debuggee, Control control, std::function<void(std::string_view)> send)
      : debuggee_(debuggee), breakpoints_(debuggee), control_(std::move(control)), send_(std::move(send)) {}

  // False: GDB is done with the program, which goes on or has been killed.
  bool take(std::string_view bytes);
  // The program has stopped. Of what GDB does not want to know it goes on at once.
  void stopped(const pl_debug_stop& stop);
  // It stood still before GDB came.
  void begin(const pl_debug_stop& stop);
  // Signal 0: the first process, and with it all, has exited.
  void ended(int status, int signal);
  // A process is about to die, which GDB knows or need not.
  void died(const pl_debug_stop& stop);
  // For when GDB has gone without a word, while the program stands still: nobody follows it.
  void let_go();
  // Likewise, while it ran; this is where it stopped.
  void abandon(const pl_debug_stop& stop);

  bool is_stopped() const { return stop_.has_value(); }
  const std::optional<pl_debug_stop>& stop() const { return stop_; }
  bool is_done() const { return done_; }
  bool follows(uint32_t process) const { return followed_.contains(process); }
  // What stops it while GDB is connected.
  uint32_t wanted() const;

 private:
  // Each returns the answer; nothing: there is none now.
  using Answer = std::optional<std::string>;
  Answer obey(std::string_view packet);
  Answer query(std::string_view packet);
  Answer transfer(std::string_view what);
  Answer set_option(std::string_view packet);
  Answer verbose(std::string_view packet);
  Answer breakpoint(std::string_view packet, bool insert);
  Answer read_memory(std::string_view packet);
  Answer write_memory(std::string_view packet, bool hexadecimal);
  Answer registers(std::string_view packet);

  // threads.cpp: who is meant, and who goes on.
  Answer resume_threads(std::string_view actions);
  Answer choose_thread(std::string_view packet);
  Answer go_on(const Resumption& resumption);
  Answer detach(std::string_view packet);
  Answer kill(std::string_view packet);
  std::string list_threads();
  std::string thread_text(uint32_t process, uint32_t thread) const;
  void leave_alone();
  // The signal that it was about to take, if that is its own, and not of an instruction that it does not stand at any more.
  int pending_signal() const;

  // events.cpp: what a stop means.
  bool is_news(const pl_debug_stop& stop);
  bool forked(const pl_debug_stop& stop);
  std::string stop_reply(bool news);
  std::string end_reply(uint32_t process, int status, int signal) const;

  // files.cpp: what GDB opens by vFile.
  Answer file(std::string_view packet);
  Answer open_file(std::string_view arguments);
  Answer read_file(std::string_view arguments);
  Answer file_status(std::string_view arguments);
  Answer read_link(std::string_view arguments);
  std::string object_text(std::string_view name);
  std::string program_path(uint32_t process);
  std::string signal_information() const;

  void send(std::string_view payload);
  uint32_t subject() const { return subject_ ? subject_ : stop_->tid; }
  uint32_t subject_process() const { return subject_process_ ? subject_process_ : stop_->pid; }

  Debuggee& debuggee_;
  Breakpoints breakpoints_;
  Control control_;
  std::function<void(std::string_view)> send_;
  PacketReader reader_;
  std::string last_packet_;  // that was sent, for when it was damaged
  bool acknowledge_ = true;
  bool processes_ = false, forks_ = false, vforks_ = false, executes_ = false;  // what GDB understands
  bool done_ = false;
  std::optional<pl_debug_stop> stop_;
  bool moved_ = false;  // GDB has changed the registers of the one that has stopped
  bool asked_ = false;  // GDB waits for a stop
  Resumption last_resumption_;
  std::set<uint32_t> followed_;           // processes
  uint32_t borrower_ = 0;                 // a child that GDB does not follow, and that runs in its parent's memory
  uint32_t subject_ = 0, subject_process_ = 0;  // whom 'g' and memory are about; 0: the one that has stopped
  bool catches_ = false;                  // system calls
  std::set<uint64_t> caught_;             // these; empty: all
  std::set<int> passed_;                  // signals that GDB need not hear of
  std::map<uint64_t, std::string> open_files_;  // path inside, by descriptor
  uint64_t next_file_ = 3;
  std::string object_name_, object_;  // of the qXfer under way
};

std::string failed(int error);
std::string done(const std::expected<void, int>& result);

// A thread as GDB names it: pPID.TID, or TID.
struct ThreadId {
  static constexpr int64_t kAll = -1, kAny = 0;
  int64_t process = kAny, thread = kAny;
};
std::optional<ThreadId> take_thread(std::string_view& text);

}  // namespace pl::gdb
