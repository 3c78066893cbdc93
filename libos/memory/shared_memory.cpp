// SPDX-License-Identifier: BSD-2-Clause
#include "memory/shared_memory.h"

#include "arch/page_copy.h"
#include "base/lock.h"
#include "fs/file.h"

namespace pl {

ErrorOr<Ref<Inode>> SharedMemory::create(uint64_t bytes) { return Ref<Inode>(TRY(make<SharedMemory>(bytes))); }

ErrorOr<Attributes> SharedMemory::attributes() {
  Attributes a;
  a.size = bytes_;
  a.mode = type() | 0600;
  return a;
}

ErrorOr<Ref<File>> SharedMemory::open(Ref<Inode>, uint32_t) { return fail(Errno::NoDeviceAddress); }

ErrorOr<FrameRef> SharedMemory::page(uint64_t index, bool) {
  Locked lock(Rank::Inode, this);
  PhysicalAddress found = pages_.find(index);
  if (found && !frame_is_frozen(found)) return FrameRef::share(found);
  // Nothing yet; or a template's page, which siblings must not see written.
  FrameRef frame = TRY(FrameRef::allocate());
  if (found) copy_page(frame.data(), frame_pointer(found));
  TRY(pages_.set(index, frame));
  return frame;
}

}  // namespace pl
