// SPDX-License-Identifier: BSD-2-Clause
// The window's data area, in units of a page: buffers for what goes to the host with a request, and comes back with its reply.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"

namespace pl::ocall {

// For attach(), which has looked at the window.
void attach_data_area(std::byte* window, size_t bytes);

// No buffer is placed on the window's first bytes of data, which hold the instance's parameters until they have been read; and the end of that.
void keep_start(size_t bytes);
void release_start();

bool data_area_unused();
// A thread waits for a part of it.
bool data_area_awaited();

// Part of the window's data area, for one request. Sleeping while one is held is allowed but keeps others waiting.
class WindowBuffer {
 public:
  // At most `wanted`, at least min(wanted, 4096) bytes. `Fault` draws on a reserve: a page fault may come while another buffer is being
  // filled from user memory.
  enum class Use : uint8_t { Plain, Fault };
  static ErrorOr<WindowBuffer> allocate(size_t wanted, Use use = Use::Plain);
  WindowBuffer(WindowBuffer&& other) noexcept;
  WindowBuffer(const WindowBuffer&) = delete;
  ~WindowBuffer();

  uint32_t offset() const { return offset_; }
  uint32_t size() const { return size_; }
  // The bytes themselves: what is read here may change at any time. Only for copying to where nobody looks twice.
  std::byte* bytes() const;
  void write(uint32_t at, const void* from, size_t bytes);
  // One copy in, the only way to look at it.
  void read(uint32_t at, void* to, size_t bytes) const;

 private:
  WindowBuffer(uint32_t offset, uint32_t size) : offset_(offset), size_(size) {}
  uint32_t offset_, size_;
};

}  // namespace pl::ocall
