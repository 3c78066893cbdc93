// SPDX-License-Identifier: BSD-2-Clause
// The thread that debugs an instance while another serves it: it gives the account of a death, and serves GDB if it is to.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "debug/link.h"
#include "gdb/session.h"

namespace pl {

class Debugger {
 public:
  using Print = std::function<void(std::string_view line)>;

  // `listener` is a listening socket for GDB, or -1. `print` gets the account, in the debugger's thread.
  Debugger(Descriptor listener, Print print);
  ~Debugger();
  Debugger(const Debugger&) = delete;

  DebugLink& link() { return link_; }
  // The instance has ended; GDB is told so.
  void finish(int status, int signal);

 private:
  void run();
  void handle_stop(const pl_debug_stop& stop);
  void greet();
  void hear();
  void hang_up();
  void resume_alone();

  DebugLink link_;
  Descriptor listener_, connection_;
  Print print_;
  std::optional<gdb::Session> session_;
  std::optional<pl_debug_stop> waiting_;  // a stop that GDB is still to be told
  bool serves_gdb_;
  bool started_ = false;  // it has stopped before, and does not by itself again
  bool waiting_for_first_stop_ = false;  // GDB has come while the program ran
  bool abandoning_ = false;  // GDB has gone while the program ran: at the next stop its breakpoints are taken out
  std::thread thread_;
};

// On 127.0.0.1, or at the socket that PENGLAI_GDB_SOCKET names where a command in front of the machine listens for this one. Port 0: any, which is told then.
std::expected<Descriptor, std::string> listen_for_gdb(uint16_t& port);
// Between a connection to that socket and standard input and output, until either ends. The exit status.
int carry_to_gdb_socket(const char* socket_name);

}  // namespace pl
