// SPDX-License-Identifier: BSD-2-Clause
// One command, from its first frame to its exit status. What it does is in command.cpp; its streams are in streams.cpp.
#pragma once

#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "../system/queue.h"
#include "../wire/window.h"
#include "command.h"
#include "terminal.h"

namespace pl::machine {

class Runner {
 public:
  Runner(Connection connection, const Request& request) : connection_(std::move(connection)), request_(request) {}
  int run();

 private:
  using Clock = std::chrono::steady_clock;

  // A stream out of the machine, and where it goes.
  struct Sink {
    int fd = -1;  // -1: nobody takes it any more
    ByteQueue pending;
    ReceiveWindow window;
    bool stream = true;  // a pipe, socket or terminal: it can be full, or lose its reader
  };

  // command.cpp
  void take_signals();
  void send_spawn();
  void send(Type type, Stream stream, std::span<const std::byte> payload);
  void flush();
  void receive();
  void handle(const Frame& frame);
  void read_signals();
  void suspend(int signal);
  void say(const std::string& text);
  void end(int status) { status_ = status; }

  // streams.cpp
  void look_at_descriptors();
  void take(const Frame& frame);
  void drain(Sink& sink, Stream stream);
  void close_sink(Sink& sink, Stream stream);
  void read_input();
  void close_input();
  bool flushed() const {
    return std::ranges::all_of(sinks_, [](const Sink& sink) { return sink.fd < 0 || sink.pending.empty(); });
  }

  Connection connection_;
  const Request& request_;
  Spawn spawn_;
  std::unique_ptr<Terminal> terminal_;
  Descriptor signals_;
  sigset_t taken_{};
  ByteQueue out_;
  std::array<Sink, 3> sinks_;  // output, error, terminal
  SendWindow input_window_;
  bool input_open_ = true;
  bool input_pipe_ = false;
  off_t input_start_ = -1;  // a file's offset before anything was read
  bool lost_ = false;
  bool told_ = false;
  Clock::time_point begin_ = Clock::now();
  bool up_ = false;
  std::optional<int> status_;
};

}  // namespace pl::machine
