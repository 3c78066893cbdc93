// SPDX-License-Identifier: BSD-2-Clause
// signalfd(2): signals are read instead of delivered. A read takes what is pending for whoever reads.
#pragma once

#include "fs/file.h"
#include "process/signal.h"

namespace pl {

class SignalFile final : public File {
 public:
  SignalFile(SignalSet mask, uint32_t flags) : File(flags | 2), mask_(mask & ~Unblockable) {}
  ErrorOr<uint64_t> seek(int64_t, int) override { return 0; }
  ErrorOr<size_t> read(Buffer& to) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override;
  ErrorOr<Attributes> attributes() override { return anonymous_attributes(); }
  size_t describe(char* out, size_t capacity) override;
  SignalFile* as_signals() override { return this; }
  void set_mask(SignalSet mask);

 private:
  SignalSet mask_;
};

}  // namespace pl
