// SPDX-License-Identifier: BSD-2-Clause
// A descriptor of a process (pidfd_open(2)): means that one, also when its pid has long been another's.
#pragma once

#include "fs/file.h"
#include "process/process.h"

namespace pl {

class ProcessFile final : public File {
 public:
  ProcessFile(Ref<ProcessHandle> handle, uint32_t flags) : File(flags | 2), handle_(std::move(handle)) {}
  static ErrorOr<Ref<File>> create(Process& process, uint32_t flags);
  // ESRCH once it was waited for.
  ErrorOr<Process*> process() const { return handle_->process ? ErrorOr<Process*>(handle_->process) : fail(Errno::NoProcess); }
  uint32_t poll(PollTable* table) override;
  ErrorOr<Attributes> attributes() override { return anonymous_attributes(); }
  size_t describe(char* out, size_t capacity) override;
  ProcessFile* as_process() override { return this; }

 private:
  Ref<ProcessHandle> handle_;
};

}  // namespace pl
