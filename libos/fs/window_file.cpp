// SPDX-License-Identifier: BSD-2-Clause
#include "fs/window_file.h"

#include <penglai/relay.h>

#include <algorithm>

#include "arch/monitor.h"
#include "fs/abi.h"
#include "fs/open_file.h"
#include "memory/address_space.h"
#include "ocall/operations.h"

namespace pl {

namespace {

class WindowFile final : public RegularFile {
 public:
  WindowFile(Ref<Inode> inode, WindowInode& window, uint32_t flags) : RegularFile(std::move(inode), flags), window_(window) {}

  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override {
    if (command != PENGLAI_RELAY_RETURN) return RegularFile::ioctl(command, argument);
    if (!writable()) return fail(Errno::BadDescriptor);
    TRY(window_.relay());
    return 0;
  }

  ErrorOr<void> prepare_map(MappingRequest& request) override {
    TRY(RegularFile::prepare_map(request));
    request.max_protection &= ~uint32_t(ProtectionExecute);  // a window is memory to read and write
    return {};
  }

 private:
  WindowInode& window_;  // inode_ keeps it
};

}  // namespace

uint64_t WindowInode::size() const { return boot_parameters().window[window_].size; }

ErrorOr<Ref<File>> WindowInode::open(Ref<Inode> self, uint32_t flags) {
  if (!size()) return fail(Errno::NoDeviceAddress);
  return Ref<File>(TRY(make<WindowFile>(std::move(self), *this, flags)));
}

ErrorOr<FrameRef> WindowInode::page(uint64_t index, bool) {
  const pl_window& window = boot_parameters().window[window_];
  if (index >= window.size >> PageShift) return fail(Errno::NoDeviceAddress);
  // No frame of ours: counting it changes nothing.
  return FrameRef::adopt(PhysicalAddress(window.base + (index << PageShift)));
}

ErrorOr<size_t> WindowInode::read(uint64_t offset, Buffer& to) {
  size_t done = 0;
  while (to.left() && offset + done < size()) {
    uint64_t at = offset + done;
    FrameRef frame = TRY(page(at >> PageShift, true));
    size_t n = std::min<size_t>(to.left(), PageSize - at % PageSize);
    if (auto moved = to.put(frame.data() + at % PageSize, n); !moved) return done ? ErrorOr<size_t>(done) : fail(moved.error());
    done += n;
  }
  return done;
}

ErrorOr<size_t> WindowInode::write(uint64_t offset, Buffer& from) {
  if (from.left() && offset >= size()) return fail(Errno::NoSpace);
  size_t done = 0;
  while (from.left() && offset + done < size()) {
    uint64_t at = offset + done;
    FrameRef frame = TRY(page(at >> PageShift, true));
    size_t n = std::min<size_t>(from.left(), PageSize - at % PageSize);
    if (auto moved = from.take(frame.data() + at % PageSize, n); !moved) return done ? ErrorOr<size_t>(done) : fail(moved.error());
    done += n;
  }
  return done;
}

ErrorOr<void> WindowInode::relay() {
  if (window_ != PL_WINDOW_RELAY) return fail(Errno::NotTerminal);
  // The instance as a whole stands still until the answer is there, so that no thread of it looks for the window meanwhile. One that is
  // entered without it, by a host that breaks its word, is ended by its next access.
  return ocall::relay();
}

ErrorOr<void> populate_windows(TmpDirectory& devices) {
  auto created = TRY(devices.create("penglai", file_mode::Directory | 0755, 0, 0, 0));
  auto& directory = static_cast<TmpDirectory&>(*created);
  TRY(directory.insert("shared", Ref<TmpInode>(TRY(make<WindowInode>(PL_WINDOW_SHARED)))));
  TRY(directory.insert("relay", Ref<TmpInode>(TRY(make<WindowInode>(PL_WINDOW_RELAY)))));
  return {};
}

}  // namespace pl
