// SPDX-License-Identifier: BSD-2-Clause
#include "process/vdso.h"

#include <atomic>
#include <cstddef>
#include <cstring>

#include "arch/monitor.h"
#include "base/hot.h"
#include "fs/abi.h"
#include "fs/file.h"
#include "memory/frame.h"
#include "time/clock.h"

extern "C" const char vdso_image[], vdso_image_end[], vdso_sigreturn[];

namespace pl {

namespace {

// What vdso.S reads, in the page behind it.
struct VdsoClocks {
  std::atomic<uint32_t> sequence;  // odd while it is written
  uint32_t pad;
  uint64_t multiplier;       // nanoseconds a tick, 32.32
  uint64_t skipped_ticks;    // that MONOTONIC does not count
  uint64_t realtime_offset;  // nanoseconds from the counter's to REALTIME, wrapping
  uint64_t reserved[4];
  uint64_t generation;       // of the instance; not vdso.S's
};
static_assert(offsetof(VdsoClocks, generation) == VdsoGenerationOffset);

// The instance's own page. None in a template, where no program has run yet: a fork that never asks for the time pays nothing.
PL_HOT PhysicalAddress clocks_frame;

void write_clocks() {
  auto& clocks = *static_cast<VdsoClocks*>(frame_pointer(clocks_frame));
  ClockOffsets offsets = clock_offsets();
  clocks.sequence.fetch_add(1, std::memory_order_acquire);
  clocks.multiplier = tick_rate().multiplier;
  clocks.skipped_ticks = offsets.skipped_ticks;
  clocks.realtime_offset = offsets.realtime;
  clocks.generation = boot_parameters().id;
  clocks.sequence.fetch_add(1, std::memory_order_release);
}

class VdsoInode : public Inode {
 public:
  VdsoInode() : Inode(file_mode::Regular) {}
  ErrorOr<Attributes> attributes() override { return Attributes{.size = 2 * PageSize, .mode = file_mode::Regular | 0555}; }
  ErrorOr<Ref<File>> open(Ref<Inode>, uint32_t) override { return fail(Errno::NoDeviceAddress); }
  ErrorOr<FrameRef> page(uint64_t index, bool) override {
    if (index == 0) {
      if (!code_) {
        code_ = TRY(FrameRef::allocate());
        memcpy(code_.data(), vdso_image, size_t(vdso_image_end - vdso_image));
      }
      return code_;
    }
    if (index != 1) return fail(Errno::NoDeviceAddress);
    if (!clocks_frame) {
      clocks_frame = TRY(allocate_frame());
      write_clocks();
    }
    return FrameRef::share(clocks_frame);
  }

 private:
  FrameRef code_;
};

Ref<Inode>& vdso_inode() {
  static constinit Ref<Inode> inode;
  return inode;
}

}  // namespace

ErrorOr<Ref<Inode>> vdso_file() {
  Ref<Inode>& inode = vdso_inode();
  if (!inode) inode = TRY(make<VdsoInode>());
  return inode;
}

ErrorOr<UserAddress> map_vdso(AddressSpace& space) {
  Ref<Inode> inode = TRY(vdso_file());
  MappingRequest request;
  request.bytes = 2 * PageSize;
  UserAddress place = TRY(space.map(request));
  request.bytes = PageSize;
  request.placement = Placement::Fixed;
  request.inode = inode;
  request.address = place;
  request.protection = ProtectionRead | ProtectionExecute;
  request.name = "[vdso]";
  TRY(space.map(request));
  // There from the start, so that no fork of a template makes its own.
  TRY(space.handle_fault(place, FaultAccess::Execute));
  request.address = place + PageSize;
  request.offset = PageSize;
  request.protection = ProtectionRead;
  request.max_protection = ProtectionRead;
  request.name = "[vvar]";
  TRY(space.map(request));
  return place;
}

uint64_t vdso_sigreturn_offset() { return uint64_t(vdso_sigreturn - vdso_image); }

void update_vdso_clocks() {
  if (clocks_frame) write_clocks();
}

void forget_vdso_clocks() { clocks_frame = {}; }

}  // namespace pl
