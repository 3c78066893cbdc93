// SPDX-License-Identifier: BSD-2-Clause
// A file of the host whose blocks are checked, when they are read, against a dm-verity hash tree (Linux, admin-guide/device-mapper/verity:
// format 1, SHA-256, blocks of a page) whose root is measured. Data and tree are in the same file. A block that passed is kept as a frame,
// which mappings share and forks of a template find.
#pragma once

#include <array>
#include <cstdint>

#include "base/error.h"
#include "base/sha256.h"
#include "fs/tmpfs/page_cache.h"
#include "memory/frame.h"
#include "penglai/config.h"

namespace pl {

class VerifiedFile {
 public:
  // `record` stays where it is. EINVAL: it describes no tree.
  ErrorOr<void> open(const pl_record_root& record, uint32_t handle);

  uint64_t blocks() const { return record_ ? record_->data_blocks : 0; }
  // EIO, and a line in the log, where the host has something else than what was measured.
  ErrorOr<FrameRef> block(uint64_t index);
  // Null where it would have to be read.
  FrameRef block_in_memory(uint64_t index) const;
  // Those that are in memory are not among the ones that are let go of when there are too many.
  void keep_blocks() { kept_ = cache_.count(); }

 private:
  static constexpr unsigned Hashes = PageSize / sizeof(Sha256Digest);
  static constexpr unsigned MaxLevels = 8;  // more than 64 bits of blocks need

  ErrorOr<FrameRef> read(unsigned level, uint64_t index);
  ErrorOr<void> fetch(uint64_t place, const Sha256Digest& expected, std::byte* to) const;
  void make_room();

  const pl_record_root* record_ = nullptr;
  uint32_t handle_ = 0;
  // Level 0 is the data, each above it has the hashes of the one below; the hash of the only block of the last one is measured.
  unsigned top_ = 0;
  std::array<uint64_t, MaxLevels> first_{};  // place in the file
  PageCache cache_;                          // by place in the file
  uint64_t kept_ = 0;                        // how many of them are no reason to let go of any
  uint64_t hand_ = 0;                        // where letting go of blocks goes on
};

}  // namespace pl
