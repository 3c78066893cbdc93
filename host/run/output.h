// SPDX-License-Identifier: BSD-2-Clause
// Standard streams of instances that are no descriptors of their own: an output that many share by lines, and memory.
#pragma once

#include <functional>
#include <string>

#include "server/signals.h"
#include "server/stream.h"

namespace pl {

// A descriptor that takes whole lines of many. While its reader is slow, all who share it wait, and signals are still heard.
class SharedOutput {
 public:
  // `before_write` is called before anything is written; `signals` may be null.
  SharedOutput(int descriptor, Signals* signals, std::function<void()> before_write = [] {});

  // 0 when it is all taken, or -errno; -EAGAIN: not now.
  int append(std::string_view text);
  // The same without a limit: for the last words of a writer that is gone.
  void add(std::string_view text);
  // Until all is out, its reader is gone, or a signal wants attention (false).
  bool flush();
  int descriptor() const { return stream_ ? stream_->descriptor() : -1; }

 private:
  std::optional<Stream> stream_;
  Signals* signals_;
  std::function<void()> before_write_;
  std::string pending_;
  int error_ = 0;
};

// One writer's share: each of its lines with a prefix.
class LineChannel : public Channel {
 public:
  LineChannel(SharedOutput& output, std::string prefix) : output_(output), prefix_(std::move(prefix)) {}
  int write(std::span<const std::byte> buffer) override;
  int descriptor() const override { return output_.descriptor(); }
  // A last line without its end is given one.
  void finish();

 private:
  SharedOutput& output_;
  std::string prefix_, part_;
};

class MemoryInput : public Channel {
 public:
  explicit MemoryInput(std::span<const std::byte> rest) : rest_(rest) {}
  int read(std::span<std::byte> buffer) override;

 private:
  std::span<const std::byte> rest_;
};

// Keeps what is written, up to `limit` bytes; then writes fail with ENOSPC.
class MemoryOutput : public Channel {
 public:
  explicit MemoryOutput(size_t limit) : limit_(limit) {}
  int write(std::span<const std::byte> buffer) override;
  const std::string& text() const { return text_; }

 private:
  size_t limit_;
  std::string text_;
};

}  // namespace pl
