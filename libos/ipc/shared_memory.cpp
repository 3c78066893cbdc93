// SPDX-License-Identifier: BSD-2-Clause
#include "ipc/shared_memory.h"

#include "fs/context.h"
#include "net/socket.h"

namespace pl::ipc {

constinit Table segments;

ErrorOr<Ref<Segment>> Segment::create(size_t bytes) {
  auto segment = TRY(make<Segment>(bytes));
  Ref<Inode> memory = TRY(make<Memory>(bytes, *segment));
  segment->memory_ = memory.leak();
  segment->changed_at = realtime_nanoseconds() / 1'000'000'000;
  segment->creator = current_identity().pid;
  return segment;
}

Ref<Inode> Segment::memory() const { return Ref<Inode>(memory_); }

uint64_t Segment::attached() const {
  if (!memory_) return 0;
  return memory_->references() - (removed ? 0 : 1);
}

void Segment::remove() {
  if (removed) return;
  removed = true;
  permissions.key = Private;
  permissions.mode |= Destroyed;
  if (memory_) Ref<Inode>::adopt(memory_);  // may be the last
}

void Segment::memory_ended() {
  memory_ = nullptr;
  segments.remove(*this);
}

Ref<Segment> segment_of(const Inode* inode) {
  for (unsigned i = 0; inode && i < Table::Capacity; i++)
    if (auto segment = static_cast<Segment*>(segments.at(i)); segment && segment->is(inode)) return Ref<Segment>(segment);
  return {};
}

}  // namespace pl::ipc
