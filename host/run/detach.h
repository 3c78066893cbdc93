// SPDX-License-Identifier: BSD-2-Clause
// pl-run -d: the process that serves, apart from the command that started it.
#pragma once

#include <string>

#include "registry/entry.h"
#include "run/failure.h"

namespace pl {

// In the serving process: how the start went, for the command that waits for it.
class Starter {
 public:
  Starter() = default;
  explicit Starter(Descriptor pipe) : pipe_(std::move(pipe)) {}
  // From now on nothing of the caller's is used: its streams are the entry's. False: the command is gone, and nobody wants this.
  bool started(const Entry& entry);
  void failed(const Failure& failure);

 private:
  bool report(int status, const std::string& text);
  Descriptor pipe_;
};

// Makes that process. In it: the starter. In the command: how it went, which is its exit status; the name or the reason has been said.
std::expected<Starter, int> detach();

}  // namespace pl
