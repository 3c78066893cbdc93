// SPDX-License-Identifier: BSD-2-Clause
// An EROFS image without compression, read from verified blocks. It was made by whoever is measured with it, so what it says is believed,
// but nothing in it leads outside of it or into an endless loop: a damaged one gives EIO.
#pragma once

#include "fs/erofs/format.h"
#include "fs/erofs/verified_file.h"
#include "fs/tmpfs/lower.h"

namespace pl {

class ErofsImage final : public LowerFiles {
 public:
  // EINVAL: not such an image, with a line in the log that says why.
  ErrorOr<void> open(const pl_record_root& record, uint32_t handle);
  uint64_t root() const { return root_; }
  void keep_blocks() { file_.keep_blocks(); }

  ErrorOr<LowerNode> node(uint64_t number) override;
  ErrorOr<uint64_t> lookup(uint64_t directory, std::string_view name) override;
  ErrorOr<bool> list(uint64_t directory, uint64_t cookie, bool (*visit)(void*, const DirectoryEntry&), void* context) override;
  ErrorOr<size_t> readlink(uint64_t link, char* out, size_t capacity) override;
  ErrorOr<FrameRef> block(uint64_t index) override { return file_.block(index); }
  FrameRef block_in_memory(uint64_t index) const override { return file_.block_in_memory(index); }
  ErrorOr<FrameRef> tail(uint64_t file) override;

 private:
  struct Node {
    LowerNode about;
    uint64_t tail_at;      // place in the image of the bytes behind them, when they are inline
    bool has_tail;
  };
  ErrorOr<void> read(uint64_t at, void* to, size_t bytes);
  ErrorOr<Node> read_node(uint64_t number);

  // Block `index` of a directory's or a link's content.
  struct Piece {
    FrameRef frame;
    const char* bytes;
    size_t length;
  };
  ErrorOr<Piece> piece(const Node& node, uint64_t index);
  struct Names;  // the entries of one block of a directory

  VerifiedFile file_;
  uint64_t meta_at_ = 0;
  uint64_t root_ = 0;
  int64_t build_time_ = 0;
};

}  // namespace pl
