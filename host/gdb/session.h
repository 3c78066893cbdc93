// SPDX-License-Identifier: BSD-2-Clause
// GDB's conversation about one program, as far as it is no matter of sockets: bytes from GDB, stops of the program, and what comes of
// them. All-stop; GDB steps by breakpoints of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "debug/debuggee.h"
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
      : debuggee_(debuggee), control_(std::move(control)), send_(std::move(send)) {}

  // False: GDB is done with the program, which goes on or has been killed.
  bool take(std::string_view bytes);
  // The program has stopped.
  void stopped(const pl_debug_stop& stop);
  // Signal 0: it has exited.
  void ended(int status, int signal);
  // For when GDB has gone without a word, while the program stands still.
  void remove_breakpoints();

  bool is_stopped() const { return stop_.has_value(); }
  const std::optional<pl_debug_stop>& stop() const { return stop_; }
  bool is_done() const { return done_; }
  // What stops it while GDB is connected.
  static uint32_t wanted();

 private:
  // Each returns the answer; nothing: there is none now.
  using Answer = std::optional<std::string>;
  Answer obey(std::string_view packet);
  Answer query(std::string_view packet);
  Answer transfer(std::string_view what);
  Answer set_option(std::string_view packet);
  Answer verbose(std::string_view packet);
  Answer resume_threads(std::string_view actions);
  Answer choose_thread(std::string_view packet);
  Answer breakpoint(std::string_view packet, bool insert);
  Answer read_memory(std::string_view packet);
  Answer write_memory(std::string_view packet, bool hexadecimal);
  Answer registers(std::string_view packet);
  Answer go_on(const Resumption& resumption);
  Answer detach();

  // files.cpp: what GDB opens by vFile.
  Answer file(std::string_view packet);
  Answer open_file(std::string_view arguments);
  Answer read_file(std::string_view arguments);
  Answer file_status(std::string_view arguments);
  std::string object_text(std::string_view name);
  std::string program_path();

  std::string stop_reply() const;
  void send(std::string_view payload);
  uint32_t subject() const { return subject_ ? subject_ : stop_->tid; }

  Debuggee& debuggee_;
  Control control_;
  std::function<void(std::string_view)> send_;
  PacketReader reader_;
  std::string last_;  // packet that was sent, for when it was damaged
  bool acknowledge_ = true, executes_ = false;
  bool done_ = false;
  std::optional<pl_debug_stop> stop_;
  bool asked_ = false;  // GDB waits for a stop
  uint32_t subject_ = 0;  // thread that 'g' and memory are about; 0: the one that has stopped
  std::map<uint64_t, uint32_t> breakpoints_;
  std::map<uint64_t, std::string> open_files_;  // path inside, by descriptor
  uint64_t next_file_ = 3;
  std::string object_name_, object_;  // of the qXfer under way
};

}  // namespace pl::gdb
