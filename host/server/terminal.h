// SPDX-License-Identifier: BSD-2-Clause
// The terminal behind a standard stream: its modes and size, given back as they were found.
#pragma once

#include <termios.h>

#include <expected>

#include "penglai/ocall.h"

namespace pl {

class Terminal {
 public:
  Terminal() = default;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { restore(); }

  // ENOTTY: the descriptor is none.
  static std::expected<pl_terminal, int> get(int descriptor);
  // Modes only. 0 or an errno.
  int set(int descriptor, const pl_terminal& modes);

  // As before the first set().
  void restore();
  // The modes last set, after a restore() for a stop.
  void reapply();

 private:
  int descriptor_ = -1;  // of the terminal that was changed
  termios found_{}, wanted_{};
};

}  // namespace pl
