// SPDX-License-Identifier: BSD-2-Clause
// Root images: an EROFS file with the dm-verity hash tree of `veritysetup format` behind it, in the same file. Read here to name the
// image in the measured configuration, and to say in one line what is wrong with it; whoever trusts it checks every block (libos/fs/erofs).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "image/elf.h"
#include "image/sha256.h"

namespace pl {

inline constexpr uint64_t kImageBlock = 4096;

struct RootImage {
  uint64_t data_blocks = 0;  // of the EROFS image
  uint64_t hash_block = 0;   // number, in the file, of the hash tree's first block
  std::vector<std::byte> salt;
  Digest root_hash{};  // what the tree in this file amounts to
};

// The error completes the sentence "IMAGE: ...".
std::expected<RootImage, std::string> read_root_image(const ReadAt& read, uint64_t file_size);

// Blocks of the EROFS image that starts a file, from its superblock.
std::expected<uint64_t, std::string> read_erofs_blocks(const ReadAt& read, uint64_t file_size);

// Reads and checks every block against the root hash. `progress` learns the blocks that are done and may end it (false).
// The number of the first block that is not what the tree says, or data_blocks.
std::expected<uint64_t, std::string> verify_root_image(const ReadAt& read, const RootImage& image,
                                                       const std::function<bool(uint64_t done)>& progress);

}  // namespace pl
