// SPDX-License-Identifier: BSD-2-Clause
// The host's standard streams as files: a pipe, a file or a terminal of the host. Stateless, so that a template's descriptors on them serve
// every fork unwritten.
#pragma once

#include "fs/file.h"
#include "penglai/ocall.h"

namespace pl {

class StreamFile : public File {
 public:
  StreamFile(uint32_t handle, uint32_t flags, Ref<Inode> device = {}) : File(flags), handle_(handle), device_(std::move(device)) {}
  ErrorOr<size_t> read(Buffer& to) override;
  ErrorOr<size_t> write(Buffer& from) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override;
  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override;
  ErrorOr<Attributes> attributes() override;
  Ref<Inode> inode() override { return device_; }
  bool raises_signals() override { return true; }
  class Terminal* as_terminal() override;
  size_t describe(char* out, size_t capacity) override;

 private:
  uint32_t handle_;
  Ref<Inode> device_;  // /dev/tty, /dev/console: its node; null for a standard stream
};

}  // namespace pl
