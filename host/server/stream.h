// SPDX-License-Identifier: BSD-2-Clause
// A standard stream that never blocks its reader or writer, without changing how others that share it see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace pl {

// A standard stream that is no descriptor: memory, or a share of an output.
class Channel {
 public:
  virtual ~Channel() = default;
  // As Stream's.
  virtual int read(std::span<std::byte> buffer);
  virtual int write(std::span<const std::byte> buffer);
  // What to watch while it would block; -1: it never does.
  virtual int descriptor() const { return -1; }
};

class Stream {
 public:
  Stream() = default;
  // The channel stays the caller's.
  explicit Stream(Channel& channel) : kind_(Kind::Channel), channel_(&channel) {}
  // Looks at an open descriptor, which stays the caller's; nothing if it is closed.
  static std::optional<Stream> adopt(int descriptor);
  Stream(Stream&& other) noexcept { *this = std::move(other); }
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  // Bytes, or -errno; -EAGAIN: it would block.
  int read(std::span<std::byte> buffer);
  int write(std::span<const std::byte> buffer);
  // Those of `events` (POLLIN, POLLOUT) that hold now, and POLLERR, POLLHUP.
  uint32_t poll(uint32_t events) const;

  // The caller's; of a channel -1.
  int adopted() const { return descriptor_; }
  // What is to be watched.
  int descriptor() const { return channel_ ? channel_->descriptor() : own_ >= 0 ? own_ : descriptor_; }

 private:
  enum class Kind : uint8_t { Regular, Pipe, Socket, Device, Channel };

  int descriptor_ = -1;
  int own_ = -1;  // a file description of our own, O_NONBLOCK, where one could be had
  Kind kind_ = Kind::Regular;
  bool terminal_ = false;
  Channel* channel_ = nullptr;  // of kind Channel
};

}  // namespace pl
