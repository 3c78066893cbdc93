// SPDX-License-Identifier: BSD-2-Clause
// What one instance is asked to do (struct pl_instance): arguments, environment, directory, user, terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "penglai/ocall.h"
#include "server/window.h"

namespace pl {

struct Invocation {
  std::string program;                   // for a fork of a template that has none
  std::vector<std::string> arguments;    // argv[0] included
  std::vector<std::string> environment;  // NAME=value
  std::string directory = "/";
  uint32_t user = 0, group = 0;
  uint32_t umask = 022;
  uint32_t terminals = 0;  // bit n: handle n is one
  pl_terminal terminal{};

  uint64_t encoded_size() const;
  // The smallest window that holds it and leaves room for buffers; 0: too large for any.
  uint32_t window_size() const;
};

// Writes the ring's head and the instance block. The window is window_size() bytes or more.
void prepare_window(Window& window, const Invocation& invocation);

}  // namespace pl
