// SPDX-License-Identifier: BSD-2-Clause
// pl-run --gdb in front of the machine: what connects to a port here is carried to pl-run's socket in the machine, by a second command there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <string>

namespace pl::machine {

class GdbRelay {
 public:
  // Listens on 127.0.0.1, on any port for 0, in a process of its own. The command that is forwarded next finds its socket's name in
  // PENGLAI_GDB_SOCKET.
  static std::expected<GdbRelay, std::string> start(uint16_t port);
  GdbRelay(GdbRelay&& other) noexcept : port_(other.port_), process_(other.process_) { other.process_ = -1; }
  // Once that command has ended, and so its side of a connection: what is on its way to gdb still gets there.
  ~GdbRelay();

  uint16_t port() const { return port_; }

 private:
  GdbRelay(uint16_t port, pid_t process) : port_(port), process_(process) {}
  uint16_t port_;
  pid_t process_;
};

}  // namespace pl::machine
