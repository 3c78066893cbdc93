// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cstring>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/open_file.h"
#include "fs/tmpfs/tmpfs.h"

namespace pl {

ErrorOr<Ref<File>> TmpRegular::open(Ref<Inode> self, uint32_t flags) {
  if (flags & open_flag::Direct) return fail(Errno::Invalid);  // these pages are all that there is
  return Ref<File>(TRY(make<RegularFile>(std::move(self), flags)));
}

ErrorOr<FrameRef> TmpRegular::look(uint64_t index) {
  if (PhysicalAddress frame = pages_.find(index)) return FrameRef::share(frame);
  if (index >= given_pages_) return FrameRef();
  if (!lower_) return FrameRef::share(given_ + index * PageSize);
  if (index < whole_blocks_) return lower_.files->block(first_block_ + index);
  FrameRef tail = TRY(lower_.files->tail(lower_.number));
  // The look below may have slept: what was written meanwhile is newer.
  if (PhysicalAddress frame = pages_.find(index)) return FrameRef::share(frame);
  if (index >= given_pages_) return FrameRef();
  TRY(pages_.insert(index, tail));
  return tail;
}

FrameRef TmpRegular::page_in_memory(uint64_t index) {
  if (index >= pages_for(size_)) return {};
  if (PhysicalAddress frame = pages_.find(index)) return FrameRef::share(frame);
  if (index >= given_pages_) return {};
  if (!lower_) return FrameRef::share(given_ + index * PageSize);
  return index < whole_blocks_ ? lower_.files->block_in_memory(first_block_ + index) : FrameRef();
}

ErrorOr<FrameRef> TmpRegular::own_page(uint64_t index) {
  for (;;) {
    PhysicalAddress there = pages_.find(index);
    if (there && !frame_is_frozen(there)) return FrameRef::share(there);
    bool given = index < given_pages_;
    FrameRef old = TRY(look(index));
    FrameRef fresh = TRY(FrameRef::allocate());
    // Both may sleep: begin again if something has changed.
    if (pages_.find(index) != there || (index < given_pages_) != given) continue;
    if (old) std::memcpy(fresh.data(), old.data(), PageSize);
    TRY(pages_.insert(index, fresh));
    return fresh;
  }
}

ErrorOr<size_t> TmpRegular::read(uint64_t offset, Buffer& to) {
  size_t done = 0;
  while (to.left() && offset + done < size_) {
    uint64_t at = offset + done;
    size_t within = at % PageSize;
    size_t n = std::min({to.left(), PageSize - within, size_t(size_ - at)});
    // The reference keeps the page while the copy sleeps, whatever happens to the file.
    auto page = look(at / PageSize);
    ErrorOr<void> moved = page ? *page ? to.put(page->data() + within, n) : to.put_zeros(n) : fail(page.error());
    if (!moved) {
      if (done) break;
      return fail(moved.error());
    }
    done += n;
  }
  if (done) touch_access();
  return done;
}

ErrorOr<size_t> TmpRegular::write(uint64_t offset, Buffer& from) {
  if (seals != ~0u && seals & (8 | 16)) return fail(Errno::Perm);  // F_SEAL_WRITE, F_SEAL_FUTURE_WRITE
  if (from.left() == 0) return 0;
  if (offset > MaxFileSize || from.left() > MaxFileSize - offset) return fail(Errno::FileTooBig);
  if (seals != ~0u && seals & 4 && offset + from.left() > size_) return fail(Errno::Perm);  // F_SEAL_GROW
  size_t done = 0;
  while (from.left()) {
    uint64_t at = offset + done;
    size_t within = at % PageSize, n = std::min(from.left(), PageSize - within);
    auto page = own_page(at / PageSize);
    ErrorOr<void> moved = page ? from.take(page->data() + within, n) : fail(page.error() == Errno::NoMemory ? Errno::NoSpace : page.error());
    if (!moved) {
      if (done) break;
      return fail(moved.error());
    }
    done += n;
    size_ = std::max(size_, at + n);
  }
  drop_set_id();
  touch_change(true);
  return done;
}

void TmpRegular::drop_set_id() {
  uint32_t dropped = file_mode::SetUser | (mode_ & 010 ? file_mode::SetGroup : 0);
  if (mode_ & dropped && !current_file_credentials().has(Capability::KeepSetId)) mode_ &= ~dropped;
}

// Makes a range read as zeros: whole pages become holes.
ErrorOr<void> TmpRegular::clear_range(uint64_t offset, uint64_t end) {
  auto clear_part = [&](uint64_t from, uint64_t to) -> ErrorOr<void> {
    if (from >= to || is_hole(from / PageSize)) return {};
    FrameRef page = TRY(own_page(from / PageSize));
    std::memset(page.data() + from % PageSize, 0, to - from);
    return {};
  };
  uint64_t first = round_up(offset, PageSize), last = end / PageSize * PageSize;
  if (first > last) return clear_part(offset, end);
  TRY(clear_part(offset, first));
  TRY(clear_part(last, end));
  pages_.remove(first / PageSize, last / PageSize);
  // What was given cannot have holes: a page of zeros hides it, or it is forgotten from the end.
  if (last / PageSize >= given_pages_) {
    given_pages_ = std::min(given_pages_, first / PageSize);
  } else {
    for (uint64_t i = first / PageSize; i < last / PageSize; i++) TRY(pages_.insert(i, TRY(FrameRef::allocate())));
  }
  return {};
}

ErrorOr<void> TmpRegular::truncate(uint64_t bytes) {
  if (bytes > MaxFileSize) return fail(Errno::FileTooBig);
  if (seals != ~0u && ((seals & 2 && bytes < size_) || (seals & 4 && bytes > size_))) return fail(Errno::Perm);
  if (bytes < size_) TRY(clear_range(bytes, round_up(size_, PageSize)));
  size_ = bytes;
  drop_set_id();
  touch_change(true);
  return {};
}

ErrorOr<void> TmpRegular::allocate(uint32_t mode, uint64_t offset, uint64_t bytes) {
  constexpr uint32_t KeepSize = 1, PunchHole = 2, ZeroRange = 16;
  uint64_t end = offset + bytes;
  // fcntl(2): holes and zeros are writing, which room for the file is not.
  if (seals != ~0u && seals & (8 | 16) && mode & (PunchHole | ZeroRange)) return fail(Errno::Perm);
  if (seals != ~0u && seals & 4 && end > size_ && !(mode & PunchHole)) return fail(Errno::Perm);
  if (mode == (PunchHole | KeepSize)) {
    TRY(clear_range(offset, std::min(end, round_up(size_, PageSize))));
  } else if (mode == 0 || mode == KeepSize || mode == ZeroRange || mode == (ZeroRange | KeepSize)) {
    if (mode & ZeroRange && offset < size_) TRY(clear_range(offset, std::min(end, round_up(size_, PageSize))));
    for (uint64_t i = offset / PageSize; i < pages_for(end); i++) {
      if (!is_hole(i)) continue;
      auto page = FrameRef::allocate();
      if (!page) return fail(Errno::NoSpace);
      TRY(pages_.insert(i, *std::move(page)));
    }
    if (!(mode & KeepSize)) size_ = std::max(size_, end);
  } else {
    return fail(Errno::NotSupported);
  }
  touch_change(true);
  return {};
}

ErrorOr<uint64_t> TmpRegular::seek_data(uint64_t offset, bool hole) {
  if (offset >= size_) return fail(Errno::NoDeviceAddress);
  uint64_t index = offset / PageSize;
  if (hole) {
    while (index * PageSize < size_ && !is_hole(index)) ++index;
    return std::min(size_, std::max(offset, index * PageSize));
  }
  if (index >= given_pages_) index = pages_.next(index);
  if (index > MaxFileSize / PageSize || index * PageSize >= size_) return fail(Errno::NoDeviceAddress);
  return std::max(offset, index * PageSize);
}

ErrorOr<FrameRef> TmpRegular::page(uint64_t index, bool shared) {
  if (index >= pages_for(size_)) return fail(Errno::NoDeviceAddress);
  if (shared) return own_page(index);
  FrameRef there = TRY(look(index));
  return there ? ErrorOr<FrameRef>(std::move(there)) : own_page(index);
}

}  // namespace pl
