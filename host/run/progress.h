// SPDX-License-Identifier: BSD-2-Clause
// One line on a terminal that says how far many instances are. Nothing where standard error is no terminal.
#pragma once

#include <cstdint>
#include <string>

namespace pl {

class Progress {
 public:
  Progress();
  ~Progress() { hide(); }
  // Shown now and then, however often it is called.
  void show(uint32_t done, uint32_t count, size_t running, uint32_t failed);
  // Before anything else is written to the terminal.
  void hide();

 private:
  bool terminal_, shown_ = false;
  uint64_t begun_, next_;
};

}  // namespace pl
