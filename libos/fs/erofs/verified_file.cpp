// SPDX-License-Identifier: BSD-2-Clause
#include "fs/erofs/verified_file.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "memory/frame_allocator.h"
#include "ocall/operations.h"

namespace pl {

namespace {

// Of the memory that the instance may have, a quarter; and no more than this.
constexpr uint64_t MostPages = (64u << 20) / PageSize, FewestPages = 256;
// At once, when there are too many.
constexpr unsigned Batch = 64;

}  // namespace

ErrorOr<void> VerifiedFile::open(const pl_record_root& record, uint32_t handle) {
  constexpr uint64_t MaxBlocks = uint64_t(1) << 40;
  if (record.data_blocks == 0 || record.data_blocks > MaxBlocks || record.hash_block < record.data_blocks || record.hash_block > 2 * MaxBlocks)
    return fail(Errno::Invalid);
  std::array<uint64_t, MaxLevels> count{record.data_blocks};
  unsigned top = 0;
  while (count[top] > 1) {
    count[top + 1] = (count[top] + Hashes - 1) / Hashes;
    ++top;
  }
  // The top comes first in the file.
  uint64_t place = record.hash_block;
  for (unsigned level = top; level > 0; level--) {
    first_[level] = place;
    place += count[level];
  }
  first_[0] = 0;
  top_ = top;
  record_ = &record;
  handle_ = handle;
  return {};
}

ErrorOr<void> VerifiedFile::fetch(uint64_t place, const Sha256Digest& expected, std::byte* to) const {
  auto got = ocall::read_page(handle_, place * PageSize, to);
  if (!got && (got.error() == Errno::NoMemory || got.error() == Errno::Interrupted)) return fail(got.error());
  if (got && *got == PageSize) {
    Sha256 hash;
    hash.update(std::as_bytes(std::span(record_->salt, record_->salt_length)));
    hash.update({to, PageSize});
    if (hash.finish() == expected) return {};
  }
  log_line("root image: block %lu %s", place, !got ? "cannot be read" : *got == PageSize ? "is not the one that was measured" : "is missing");
  return fail(Errno::Io);
}

ErrorOr<FrameRef> VerifiedFile::read(unsigned level, uint64_t index) {
  uint64_t place = first_[level] + index;
  if (PhysicalAddress there = cache_.find(place)) return FrameRef::share(there);
  Sha256Digest expected;
  if (level == top_) {
    std::memcpy(expected.data(), record_->root_hash, expected.size());
  } else {
    FrameRef above = TRY(read(level + 1, index / Hashes));
    std::memcpy(expected.data(), above.data() + index % Hashes * expected.size(), expected.size());
  }
  make_room();
  FrameRef frame = TRY(FrameRef::allocate());
  TRY(fetch(place, expected, frame.data()));
  // Another thread may have been faster meanwhile: one frame for all mappings.
  if (PhysicalAddress there = cache_.find(place)) return FrameRef::share(there);
  // Without memory to remember it by, it is checked again next time.
  (void)cache_.insert(place, frame);
  return frame;
}

ErrorOr<FrameRef> VerifiedFile::block(uint64_t index) {
  if (index >= blocks()) {
    log_line("root image: there is no block %lu", index);
    return fail(Errno::Io);
  }
  return read(0, index);
}

FrameRef VerifiedFile::block_in_memory(uint64_t index) const {
  PhysicalAddress there = index < blocks() ? cache_.find(index) : PhysicalAddress();
  return there ? FrameRef::share(there) : FrameRef();
}

// Lets go of blocks that nobody else holds, in turn, once there are too many: what is needed again is read and checked again.
void VerifiedFile::make_room() {
  uint64_t most = std::clamp(frames::totals().limit_bytes / PageSize / 4, FewestPages, MostPages);
  if (cache_.count() < kept_ + most) return;
  unsigned gone = 0;
  for (uint64_t looked = 0; gone < Batch && looked < cache_.count(); looked++) {
    uint64_t place = cache_.next(hand_);
    if (place == ~uint64_t(0)) {
      hand_ = 0;
      continue;
    }
    hand_ = place + 1;
    if (!frames::is_exclusive(cache_.find(place))) continue;
    cache_.remove(place, place + 1);
    gone++;
  }
}

}  // namespace pl
