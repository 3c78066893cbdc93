// SPDX-License-Identifier: BSD-2-Clause
// The agent's end of the serial port.
#pragma once

#include <functional>

#include "../system/loop.h"
#include "../system/queue.h"
#include "../wire/frame.h"

namespace pl::machine::agent {

class Port {
 public:
  // `on_frame` is called for each frame, `on_drained` when a full port has room again, `on_lost` when the daemon has gone.
  struct Events {
    std::function<void(const Frame&)> on_frame;
    std::function<void()> on_drained;
    std::function<void(const char* why)> on_lost;
  };
  Port(Loop& loop, Descriptor fd, Events events);

  void send(Type type, uint32_t session, Stream stream, std::span<const std::byte> payload);
  void send(Type type, uint32_t session, std::span<const std::byte> payload = {}) { send(type, session, Stream::kInput, payload); }
  // Sends at most `most` bytes that `fd` has as one Data frame. Returns what read() did, with its errno.
  ssize_t relay(int fd, uint32_t session, Stream stream, size_t most);
  // Streams wait while so much is on its way that more would only grow the queue.
  bool full() const { return queue_.size() >= kFull; }

 private:
  static constexpr size_t kFull = 256 * 1024;

  void on_event(uint32_t events);
  void receive();
  void flush();
  void put(std::span<const std::byte> bytes);
  size_t write_now(std::span<const std::byte> bytes);

  Descriptor fd_;
  Events events_;
  Loop::Watch watch_;
  FrameReader reader_;
  ByteQueue queue_;
  bool was_full_ = false;
};

}  // namespace pl::machine::agent
