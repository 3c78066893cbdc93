// SPDX-License-Identifier: BSD-2-Clause
// One command that a client runs: its process, its streams, and the end of both.
#pragma once

#include <optional>

#include "../system/queue.h"
#include "../wire/message.h"
#include "../wire/window.h"
#include "launch.h"
#include "port.h"

namespace pl::machine::agent {

class Command {
 public:
  Command(Loop& loop, Port& port, uint32_t session, Identity identity);

  void handle(const Frame& frame);
  // The process that launch() made has changed its state.
  void reaped(int status);
  // The port has room again.
  void resume();
  // The client is gone: nothing of the command may stay.
  void hang_up();

  pid_t process() const { return launched_.process; }
  bool over() const { return over_; }

 private:
  struct Input {
    Loop::Watch watch;
    Descriptor fd;
    Descriptor rest;      // the other end, after the last byte was written: to see at the exit what nobody has read
    ReceiveWindow window;
    ByteQueue pending;
    uint64_t written = 0;
    bool ended = false;   // the client has sent its last byte
    bool pipe = false;
  };
  struct Output {
    Stream stream = Stream::kOutput;
    Loop::Watch watch;
    Descriptor fd;
    SendWindow window;
  };

  void spawn(const Frame& frame);
  void feed(const Frame& frame);
  void drain_input();
  void close_input();
  void end_input();
  void consume(size_t size);
  void pump(Output& output);
  void close_output(Output& output);
  Output* output_of(const Frame& frame);
  void signal(const SignalRequest& request);
  void read_news();
  void note(const Report& report);
  void exited(int status);
  void finish_if_done();
  void fail(int error, const std::string& text);

  Loop& loop_;
  Port& port_;
  const uint32_t session_;
  const Identity identity_;
  Bytes spawn_bytes_;
  Launched launched_;
  Loop::Watch news_watch_;
  pid_t command_ = -1;  // launched_.process, or the child of the leader
  Input input_;
  Output output_[3];
  std::optional<int> status_;
  bool hung_up_ = false;
  bool over_ = false;
};

}  // namespace pl::machine::agent
