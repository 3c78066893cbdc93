// SPDX-License-Identifier: BSD-2-Clause
// /dev/penglai/shared and /dev/penglai/relay: windows of host memory that this instance was given besides the ocall window, as
// files to map, read and write. Which there are, and where, each instance has of its own: opening one that it was not given is ENXIO.
//
// The host can change what is in them at any time (the relay's holder aside, see penglai/relay.h), and nothing of the libOS goes through
// them: their frames appear in a program's page tables, where PMP alone decides whether they are reachable, and in copies to and from
// the program.
#pragma once

#include "fs/tmpfs/tmpfs.h"

namespace pl {

class WindowInode final : public TmpInode {
 public:
  explicit WindowInode(unsigned window) : TmpInode(0100666, 0, 0), window_(window) {}  // PL_WINDOW_*
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;
  ErrorOr<size_t> read(uint64_t offset, Buffer& to) override;
  ErrorOr<size_t> write(uint64_t offset, Buffer& from) override;
  ErrorOr<FrameRef> page(uint64_t index, bool shared) override;
  FrameRef page_in_memory(uint64_t index) override { return page(index, false).value_or(FrameRef()); }
  bool truncates_on_open() const override { return true; }  // by doing nothing: its size is what it is

  // Hands the window to the host, and returns when it is back. ENOTTY: this is not the relay.
  ErrorOr<void> relay();

 protected:
  uint64_t size() const override;

 private:
  unsigned window_;
};

// Makes /dev/penglai and what is in it.
ErrorOr<void> populate_windows(TmpDirectory& devices);

}  // namespace pl
