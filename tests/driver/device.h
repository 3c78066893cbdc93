// SPDX-License-Identifier: BSD-2-Clause
// /dev/penglai for the tests: an open descriptor with an arena, and enclaves that run the payload.
#pragma once

#include <penglai/ioctl.h>
#include <penglai/sbi.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "payload.h"

namespace pl::test {

constexpr uint32_t kWindow = 4096;

// The words of the ocall window, as the payload reads and writes them.
struct Window {
  std::atomic<uint64_t> command, argument, second, result, error, counter, stop, unused;
  pl_boot boot;
};

// The result of a run: a reason, or a negative errno.
struct Left {
  int reason;
  uint64_t detail;
  int handle;
};

class Device {
 public:
  explicit Device(uint64_t arena_size = 1 << 20);
  ~Device();
  Device(const Device&) = delete;

  int fd() const { return fd_; }
  Window& window(uint32_t offset) { return *reinterpret_cast<Window*>(arena_ + offset); }
  char* arena() { return arena_; }
  // ioctl(): 0 or a positive value, or -errno.
  int call(unsigned long command, const void* argument);

  // A sealed enclave of one page whose ocall window is at `offset`: its handle, or -errno.
  int make(uint32_t offset, uint32_t flags = 0, uint32_t contexts = 1, uint64_t reserve = 1 << 20);
  // One that has been frozen and published under a key of this first byte: the template's id. Its window is at
  // `offset`.
  uint64_t make_template(uint8_t key, uint32_t offset = 0, int group = -1);
  // Freezes a freezable one and publishes it.
  uint64_t publish(int handle, uint32_t offset, uint8_t key, int group = -1);

  Left run(int handle, uint32_t flags = 0, uint32_t context = 0);
  // Tells the payload what to do, and runs it.
  Left run(int handle, uint32_t offset, uint64_t command, uint64_t argument, uint64_t second = 0);
  Left spawn(uint64_t template_id, uint32_t offset, uint32_t flags = 0);
  Left spawn(uint64_t template_id, uint32_t offset, uint64_t command, uint64_t argument);
  int destroy(int handle);
  int remove(uint64_t template_id);
  pl_ioc_stat stat();

 private:
  int fd_;
  char* arena_ = nullptr;
  uint64_t arena_size_;
};

// Waits, a second at most, until the pool is as free as it was.
bool pool_returns_to(uint64_t free_bytes);

}  // namespace pl::test
