// SPDX-License-Identifier: BSD-2-Clause
// System V shared memory (shmop(2)). A segment that was removed lives on as long as it is mapped.
#pragma once

#include "ipc/ipc.h"
#include "memory/shared_memory.h"

namespace pl::ipc {

constexpr uint32_t Destroyed = 01000;  // SHM_DEST, in a segment's mode

class Segment final : public Object {
 public:
  static ErrorOr<Ref<Segment>> create(size_t bytes);
  explicit Segment(size_t bytes) : bytes_(bytes) {}
  ~Segment() override { remove(); }
  size_t bytes() const { return bytes_; }
  Ref<Inode> memory() const;
  bool is(const Inode* inode) const { return inode == memory_; }
  uint64_t attached() const;  // mappings of it
  // IPC_RMID: no key finds it any more; the identifier does as long as it is mapped.
  void remove();
  int64_t attached_at = 0, detached_at = 0, changed_at = 0;
  int32_t creator = 0, last = 0;

 private:
  // Tells its segment of the end of the last mapping.
  struct Memory final : SharedMemory {
    Memory(uint64_t bytes, Segment& owner) : SharedMemory(bytes), segment(&owner) {}
    ~Memory() override { segment->memory_ended(); }
    Segment* segment;
  };
  void memory_ended();
  size_t bytes_;
  Inode* memory_ = nullptr;  // a reference, until it is removed
};

extern Table segments;
// The segment whose memory this is, or null.
Ref<Segment> segment_of(const Inode* inode);

}  // namespace pl::ipc
