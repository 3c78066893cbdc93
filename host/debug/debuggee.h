// SPDX-License-Identifier: BSD-2-Clause
// The stopped program of a debug enclave, to look at and to change. All that comes back was chosen by the enclave: addresses, sizes and
// texts may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penglai/ocall.h"

namespace pl {

class Debuggee {
 public:
  virtual ~Debuggee() = default;

  // Errors are errnos. `thread` is a tid, 0 for the one that has stopped; a process's number stands for any of its threads.
  // Bytes that were read, short of what is not mapped; EFAULT where that is the first.
  virtual std::expected<size_t, int> read(uint32_t thread, uint64_t address, std::span<std::byte> to) = 0;
  virtual std::expected<void, int> write(uint32_t thread, uint64_t address, std::span<const std::byte> from) = 0;
  virtual std::expected<pl_debug_registers, int> registers(uint32_t thread) = 0;
  virtual std::expected<void, int> set_registers(uint32_t thread, const pl_debug_registers& registers) = 0;
  virtual std::vector<pl_debug_thread> threads() = 0;
  // It goes on without stops from now on, or to its end.
  virtual std::expected<void, int> release(uint32_t process, bool kill) = 0;

  // A piece of a file as the program would find it by this path, and how large that is.
  struct Piece {
    std::vector<std::byte> bytes;
    uint64_t size = 0;
  };
  virtual std::expected<Piece, int> file(std::string_view path, uint64_t offset, size_t most) = 0;
  // What the symbolic link there says.
  virtual std::expected<std::string, int> link(std::string_view path) = 0;

  // All of it, up to `limit`.
  std::expected<std::string, int> whole_file(std::string_view path, size_t limit);
  template <class T>
  std::expected<T, int> get(uint32_t thread, uint64_t address) {
    T value;
    auto got = read(thread, address, std::as_writable_bytes(std::span(&value, 1)));
    if (!got) return std::unexpected(got.error());
    if (*got != sizeof value) return std::unexpected(14);  // EFAULT
    return value;
  }
};

// How it goes on.
struct Resumption {
  int signal = 0;             // that the stopped thread takes
  uint32_t only = 0;          // of what is debugged, what runs alone: a thread, or a process; 0: all
  bool only_process = false;
  uint32_t wanted = 0;        // bit n: PL_STOP_n stops it again
};

}  // namespace pl
