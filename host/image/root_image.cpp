// SPDX-License-Identifier: BSD-2-Clause
#include "image/root_image.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "penglai/config.h"

namespace pl {
namespace {

constexpr uint64_t kErofsSuperblock = 1024;  // Linux, fs/erofs/erofs_fs.h
constexpr uint32_t kErofsMagic = 0xe0f5e1e2;
constexpr uint64_t kHashesInBlock = kImageBlock / sizeof(Digest);

struct ErofsSuperblock {
  uint32_t magic, checksum, compatible;
  uint8_t block_bits, slots;
  uint16_t root;
  uint64_t inodes, build_time;
  uint32_t build_time_nanoseconds, blocks;
};

// cryptsetup, lib/verity/verity.c
struct VeritySuperblock {
  uint8_t signature[8];
  uint32_t version, hash_type;
  uint8_t uuid[16];
  char algorithm[32];
  uint32_t data_block_size, hash_block_size;
  uint64_t data_blocks;
  uint16_t salt_size;
  uint8_t pad[6], salt[256], pad2[168];
};
static_assert(sizeof(VeritySuperblock) == 512);

using Refusal = std::unexpected<std::string>;
using Block = std::array<std::byte, kImageBlock>;

template <class T>
bool read_value(const ReadAt& read, uint64_t offset, T& value) {
  return read(offset, std::as_writable_bytes(std::span(&value, 1)));
}

Digest hash_block(const RootImage& image, const Block& block) {
  Sha256 hash;
  hash.update(image.salt);
  hash.update(block);
  return hash.finish();
}

// Blocks of each level of the tree, from the one above the data up to its top.
std::vector<uint64_t> levels_of(uint64_t data_blocks) {
  std::vector<uint64_t> levels;
  for (uint64_t blocks = data_blocks; blocks > 1;) {
    blocks = (blocks + kHashesInBlock - 1) / kHashesInBlock;
    levels.push_back(blocks);
  }
  return levels;
}

// Checks one level after the other, downwards: a level's blocks against what the one above says of them.
class Verifier {
 public:
  Verifier(const ReadAt& read, const RootImage& image) : read_(read), image_(image), levels_(levels_of(image.data_blocks)) {}

  bool check_tree() {
    expected_ = {image_.root_hash};
    uint64_t place = image_.hash_block;
    for (size_t level = levels_.size(); level-- > 0;) {
      std::vector<Digest> next;
      for (uint64_t i = 0; i < levels_[level]; ++i, ++place) {
        if (!check(place, i)) return false;
        const auto* hashes = reinterpret_cast<const Digest*>(block_.data());
        next.insert(next.end(), hashes, hashes + kHashesInBlock);
      }
      expected_ = std::move(next);
    }
    return true;
  }

  bool check(uint64_t place, uint64_t index) {
    return read_(place * kImageBlock, block_) && hash_block(image_, block_) == expected_[index];
  }

 private:
  const ReadAt& read_;
  const RootImage& image_;
  std::vector<uint64_t> levels_;
  std::vector<Digest> expected_;
  Block block_;
};

}  // namespace

std::expected<uint64_t, std::string> read_erofs_blocks(const ReadAt& read, uint64_t file_size) {
  ErofsSuperblock superblock;
  if (!read_value(read, kErofsSuperblock, superblock) || superblock.magic != kErofsMagic)
    return Refusal("not an EROFS image: pl-image build makes one of a directory");
  if (superblock.block_bits != 12) return Refusal("an EROFS image with blocks of another size than 4,096 bytes");
  if (superblock.blocks == 0 || superblock.blocks > file_size / kImageBlock) return Refusal("a truncated EROFS image");
  return superblock.blocks;
}

std::expected<RootImage, std::string> read_root_image(const ReadAt& read, uint64_t file_size) {
  auto blocks = read_erofs_blocks(read, file_size);
  if (!blocks) return Refusal(blocks.error());
  VeritySuperblock verity;
  if (!read_value(read, *blocks * kImageBlock, verity) || std::memcmp(verity.signature, "verity\0", 8) != 0)
    return Refusal("an EROFS image without a hash tree behind it: add one with 'veritysetup format IMAGE IMAGE --hash-offset=" +
                   std::to_string(*blocks * kImageBlock) + "', or make it with pl-image build");
  if (verity.version != 1 || verity.hash_type != 1 || std::strncmp(verity.algorithm, "sha256", sizeof verity.algorithm) != 0 ||
      verity.data_block_size != kImageBlock || verity.hash_block_size != kImageBlock || verity.salt_size > PL_SALT_MAX)
    return Refusal("its hash tree is of another kind: SHA-256, format 1 and blocks of 4,096 bytes are what enclaves check");
  if (verity.data_blocks != *blocks) return Refusal("its hash tree is of another image");

  RootImage image;
  image.data_blocks = *blocks;
  image.hash_block = *blocks + 1;  // the superblock has a block of its own
  const auto* salt = reinterpret_cast<const std::byte*>(verity.salt);
  image.salt.assign(salt, salt + verity.salt_size);
  const auto levels = levels_of(image.data_blocks);
  uint64_t tree = 0;
  for (uint64_t level : levels) tree += level;
  if (file_size / kImageBlock < image.hash_block + tree) return Refusal("its hash tree is truncated");
  Block top;
  if (!read((levels.empty() ? 0 : image.hash_block) * kImageBlock, top)) return Refusal("its hash tree cannot be read");
  image.root_hash = hash_block(image, top);
  return image;
}

std::expected<uint64_t, std::string> verify_root_image(const ReadAt& read, const RootImage& image,
                                                       const std::function<bool(uint64_t done)>& progress) {
  Verifier verifier(read, image);
  if (!verifier.check_tree()) return Refusal("a block of its hash tree is damaged");
  for (uint64_t index = 0; index < image.data_blocks; ++index) {
    if (!verifier.check(index, index)) return index;
    if (index % 1024 == 1023 && !progress(index + 1)) return Refusal("interrupted");
  }
  return image.data_blocks;
}

}  // namespace pl
