// SPDX-License-Identifier: BSD-2-Clause
// Where the server carries the questions of a debug enclave that stands still (PL_OP_DEBUG), and gets the answers from.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace pl {

class DebuggerPort {
 public:
  // Readable when there is something to take.
  virtual int server_descriptor() const = 0;
  // struct pl_debug_stop and what is behind it.
  virtual void ask(std::span<const std::byte> question) = 0;
  virtual std::optional<std::vector<std::byte>> take_answer() = 0;
  virtual bool take_interrupt() = 0;

 protected:
  ~DebuggerPort() = default;
};

}  // namespace pl
