// SPDX-License-Identifier: BSD-2-Clause
// EROFS on disk (Linux, fs/erofs/erofs_fs.h): what uncompressed images have. Little endian.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pl::erofs {

constexpr uint64_t SuperblockAt = 1024;
constexpr uint32_t Magic = 0xe0f5e1e2;
constexpr uint8_t BlockBits = 12;

struct Superblock {
  uint32_t magic, checksum, compatible;
  uint8_t block_bits, slots;
  uint16_t root;
  uint64_t inodes, build_time;
  uint32_t build_time_nanoseconds, blocks, meta_block, xattr_block;
  uint8_t uuid[16], volume[16];
  uint32_t incompatible;
  uint8_t reserved[44];
};
static_assert(sizeof(Superblock) == 128);
// Features of the whole image that change nothing for a reader of plain files: zero padding of compressed blocks is one.
constexpr uint32_t HarmlessFeatures = 1;

// A node's number counts slots of 32 bytes from the metadata's start.
constexpr uint64_t SlotBytes = 32;

struct CompactInode {
  uint16_t format, xattr_count, mode, links;
  uint32_t size, reserved;
  uint32_t place;  // first block, or device number
  uint32_t inode;
  uint16_t uid, gid;
  uint32_t reserved2;
};
static_assert(sizeof(CompactInode) == 32);

struct ExtendedInode {
  uint16_t format, xattr_count, mode, reserved;
  uint64_t size;
  uint32_t place, inode, uid, gid;
  uint64_t mtime;
  uint32_t mtime_nanoseconds, links;
  uint8_t reserved2[16];
};
static_assert(sizeof(ExtendedInode) == 64);

constexpr uint16_t Extended = 1;       // of format
constexpr unsigned LayoutShift = 1, LayoutMask = 7;
// Blocks one behind the other; or all but the last bytes, which follow the inode and its extended attributes, in the same block.
constexpr unsigned LayoutPlain = 0, LayoutInline = 2;

constexpr uint64_t xattr_bytes(uint16_t count) { return count ? 12 + uint64_t(count - 1) * 4 : 0; }

// Directories are blocks of these, then the names, in order (as strcmp has it) within a block and among blocks.
struct [[gnu::packed]] Entry {
  uint64_t node;
  uint16_t name_at;  // in the block
  uint8_t type, reserved;
};
static_assert(sizeof(Entry) == 12);

}  // namespace pl::erofs
