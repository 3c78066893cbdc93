// SPDX-License-Identifier: BSD-2-Clause
#include "run/output.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pl {
namespace {

// A line longer than this is broken, so that a writer that never ends one holds no more memory.
constexpr size_t kLineMax = 1 << 16;

}  // namespace

SharedOutput::SharedOutput(int descriptor, Signals* signals, std::function<void()> before_write)
    : stream_(Stream::adopt(descriptor)), signals_(signals), before_write_(std::move(before_write)) {
  if (!stream_) error_ = EBADF;
}

int SharedOutput::append(std::string_view text) {
  if (!flush()) return -EAGAIN;
  if (error_) return -error_;
  add(text);
  return 0;
}

void SharedOutput::add(std::string_view text) {
  pending_ += text;
  flush();
}

bool SharedOutput::flush() {
  if (!pending_.empty() && !error_) before_write_();
  while (!pending_.empty() && !error_) {
    int wrote = stream_->write(std::as_bytes(std::span(pending_)));
    if (wrote > 0) {
      pending_.erase(0, static_cast<size_t>(wrote));
      continue;
    }
    if (wrote != -EAGAIN) {
      error_ = wrote == 0 ? EIO : -wrote;
      break;
    }
    // Signals are blocked between the look and the sleep, so that none is missed.
    sigset_t before{};
    if (signals_) before = signals_->block();
    const bool called = signals_ && signals_->attention();
    pollfd entry{stream_->descriptor(), POLLOUT, 0};
    if (!called) ppoll(&entry, 1, nullptr, signals_ ? &before : nullptr);
    if (signals_) signals_->unblock(before);
    if (called) return false;
  }
  if (error_) pending_.clear();
  return true;
}

int LineChannel::write(std::span<const std::byte> buffer) {
  std::string_view text(reinterpret_cast<const char*>(buffer.data()), buffer.size());
  std::string lines;
  std::string part = part_;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view piece = text.substr(0, std::min(end, text.size()));
    part += piece;
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
    if (end == text.npos && part.size() < kLineMax) break;
    lines += prefix_ + part + '\n';
    part.clear();
  }
  if (!lines.empty())
    if (int result = output_.append(lines); result < 0) return result;
  part_ = std::move(part);
  return static_cast<int>(buffer.size());
}

void LineChannel::finish() {
  if (part_.empty()) return;
  output_.add(prefix_ + std::exchange(part_, {}) + '\n');
}

int MemoryInput::read(std::span<std::byte> buffer) {
  size_t size = std::min(buffer.size(), rest_.size());
  std::memcpy(buffer.data(), rest_.data(), size);
  rest_ = rest_.subspan(size);
  return static_cast<int>(size);
}

int MemoryOutput::write(std::span<const std::byte> buffer) {
  if (text_.size() >= limit_ && !buffer.empty()) return -ENOSPC;
  size_t size = std::min(buffer.size(), limit_ - text_.size());
  text_.append(reinterpret_cast<const char*>(buffer.data()), size);
  return static_cast<int>(size);
}

}  // namespace pl
