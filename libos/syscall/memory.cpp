// SPDX-License-Identifier: BSD-2-Clause
// Memory: brk, mmap and its kin, over AddressSpace.
#include "fs/abi.h"
#include "fs/descriptors.h"
#include "memory/address_space.h"
#include "process/elf.h"
#include "process/process.h"
#include "syscall/table.h"

namespace pl {

namespace {

namespace map_flag {
constexpr uint32_t Shared = 1, Private = 2, SharedValidate = 3, Type = 0xf, Fixed = 0x10, Anonymous = 0x20, GrowsDown = 0x100, Locked = 0x2000,
                   Populate = 0x8000, HugeTable = 0x40000, FixedNoReplace = 0x100000;
}  // namespace map_flag

constexpr uint32_t ProtectionGrowsDown = 0x01000000, ProtectionGrowsUp = 0x02000000;

AddressSpace& space() { return *current_thread().address_space; }

// A page-aligned range that does not leave the user half; its length in whole pages.
ErrorOr<size_t> whole_pages(UserAddress address, size_t bytes, Errno beyond) {
  if (address.page_offset()) return fail(Errno::Invalid);
  uint64_t rounded = round_up(bytes, PageSize);
  if (rounded < bytes || rounded > UserTop || address.value > UserTop - rounded) return fail(beyond);
  return rounded;
}

}  // namespace

Result sys_brk(UserAddress address) {
  return space().set_break(address).value;
}

Result sys_mmap(UserAddress address, size_t bytes, uint32_t protection, uint32_t flags, int descriptor, uint64_t offset) {
  if (!bytes || (offset & (PageSize - 1))) return fail(Errno::Invalid);
  if (protection & ~accepted::mmap_protection) return fail(Errno::Invalid);
  uint32_t type = flags & map_flag::Type;
  if (type != map_flag::Shared && type != map_flag::Private && type != map_flag::SharedValidate) return fail(Errno::Invalid);
  if (type == map_flag::SharedValidate && (flags & ~(accepted::mmap_flags | map_flag::Type))) return fail(Errno::NotSupported);
  if (flags & map_flag::HugeTable || (type == map_flag::SharedValidate && flags & map_flag::Anonymous)) return fail(Errno::Invalid);
  uint64_t rounded = round_up(bytes, PageSize);
  if (rounded < bytes || rounded > UserTop) return fail(Errno::NoMemory);
  if (offset + rounded < offset) return fail(Errno::Overflow);

  MappingRequest request;
  request.address = address;
  request.bytes = rounded;
  request.protection = protection;
  request.sharing = type == map_flag::Private ? Sharing::Private : Sharing::Shared;
  request.offset = offset;
  if (flags & map_flag::FixedNoReplace) request.placement = Placement::FixedNoReplace;
  else if (flags & map_flag::Fixed) request.placement = Placement::Fixed;
  if (request.placement == Placement::Hint) {
    request.address = address.page();
  } else {
    if (address.page_offset()) return fail(Errno::Invalid);
    if (address.value > UserTop - rounded) return fail(Errno::NoMemory);
    // mmap_min_addr: a null pointer stays a fault.
    if (address.value < PageSize * 16) return fail(Errno::Perm);
  }
  request.grows_down = flags & map_flag::GrowsDown;
  request.locked = flags & map_flag::Locked;
  if (flags & map_flag::Anonymous) {
    request.offset = 0;
  } else {
    auto file = TRY(current_descriptors().get(descriptor));
    uint32_t access = file->flags() & open_flag::AccessMode;
    if (file->flags() & open_flag::Path) return fail(Errno::BadDescriptor);
    if (access == open_flag::WriteOnly) return fail(Errno::Access);
    if (request.sharing == Sharing::Shared && (protection & ProtectionWrite) && access != open_flag::ReadWrite) return fail(Errno::Access);
    TRY(file->prepare_map(request));
  }
  uint64_t place = TRY(space().map(request)).value;
  if (flags & (map_flag::Populate | map_flag::Locked)) (void)space().advise(UserAddress(place), rounded, 22);  // MADV_POPULATE_READ; a hint only
  return place;
}

Result sys_munmap(UserAddress address, size_t bytes) {
  if (!bytes) return fail(Errno::Invalid);
  TRY(space().unmap(address, TRY(whole_pages(address, bytes, Errno::Invalid))));
  return 0;
}

Result sys_mprotect(UserAddress address, size_t bytes, uint32_t protection) {
  if ((protection & ProtectionGrowsDown) && (protection & ProtectionGrowsUp)) return fail(Errno::Invalid);
  if (address.page_offset()) return fail(Errno::Invalid);
  if (!bytes) return 0;
  size_t rounded = TRY(whole_pages(address, bytes, Errno::NoMemory));
  if (protection & ~accepted::mprotect_protection) return fail(Errno::Invalid);
  protection &= ~(ProtectionGrowsDown | ProtectionGrowsUp);
  TRY(space().protect(address, rounded, protection));
  return 0;
}

Result sys_mremap(UserAddress old_address, size_t old_bytes, size_t new_bytes, uint32_t flags, UserAddress new_address) {
  constexpr uint32_t MayMove = 1, Fixed = 2, DontUnmap = 4;
  if (flags & ~accepted::mremap_flags) return fail(Errno::Invalid);
  if ((flags & (Fixed | DontUnmap)) && !(flags & MayMove)) return fail(Errno::Invalid);
  if ((flags & DontUnmap) && round_up(old_bytes, PageSize) != round_up(new_bytes, PageSize)) return fail(Errno::Invalid);
  if (old_address.page_offset() || !new_bytes) return fail(Errno::Invalid);
  if ((flags & Fixed) && (new_address.page_offset() || new_address.value > UserTop)) return fail(Errno::Invalid);
  uint64_t old_rounded = round_up(old_bytes, PageSize), new_rounded = round_up(new_bytes, PageSize);
  if (new_rounded < new_bytes || new_rounded > UserTop) return fail(Errno::NoMemory);
  if (old_rounded < old_bytes || old_rounded > UserTop || old_address.value > UserTop - old_rounded) return fail(Errno::Fault);
  return TRY(space().remap(old_address, old_rounded, new_rounded, flags, new_address)).value;
}

Result sys_msync(UserAddress address, size_t bytes, int flags) {
  constexpr int Async = 1, Sync = 4;
  if (flags & ~accepted::msync_flags || ((flags & Async) && (flags & Sync))) return fail(Errno::Invalid);
  size_t rounded = TRY(whole_pages(address, bytes, Errno::NoMemory));
  if (!rounded) return 0;
  TRY(space().synchronize(address, rounded, flags));
  return 0;
}

Result sys_madvise(UserAddress address, size_t bytes, int advice) {
  if (address.page_offset()) return fail(Errno::Invalid);
  size_t rounded = TRY(whole_pages(address, bytes, Errno::Invalid));
  // Of nothing: whether there is such advice, DONTNEED and before, or FREE to POPULATE_WRITE.
  if (!rounded) return uint32_t(advice) <= 4 || (advice >= 8 && advice <= 23) ? Result(0) : fail(Errno::Invalid);
  TRY(space().advise(address, rounded, advice));
  return 0;
}

Result sys_mincore(UserAddress address, size_t bytes, UserAddress vector) {
  size_t rounded = TRY(whole_pages(address, bytes, Errno::NoMemory));
  if (!rounded) return 0;
  TRY(space().resident(address, rounded, vector));
  return 0;
}

// ---- locking: nothing is ever swapped out, so that a lock is only remembered ----

namespace {

Result lock_range(UserAddress address, size_t bytes) {
  size_t from_page = bytes + address.page_offset();
  if (from_page < bytes) return fail(Errno::Invalid);
  size_t rounded = TRY(whole_pages(address.page(), from_page, Errno::NoMemory));
  const Process& process = current_process();
  if (!current_credentials().has(Capability::LockMemory) && rounded > process.limit(Limits::LockedMemory))
    return fail(process.limit(Limits::LockedMemory) ? Errno::NoMemory : Errno::Perm);
  TRY(space().set_locked(address.page(), rounded, true));
  return 0;
}

}  // namespace

Result sys_mlock(UserAddress address, size_t bytes) { return lock_range(address, bytes); }

Result sys_mlock2(UserAddress address, size_t bytes, uint32_t flags) {
  if (flags & ~accepted::mlock2_flags) return fail(Errno::Invalid);
  return lock_range(address, bytes);
}

Result sys_munlock(UserAddress address, size_t bytes) {
  size_t rounded = TRY(whole_pages(address.page(), bytes + address.page_offset(), Errno::NoMemory));
  TRY(space().set_locked(address.page(), rounded, false));
  return 0;
}

Result sys_mlockall(uint32_t flags) {
  if (!flags || flags & ~accepted::mlockall_flags || flags == 4) return fail(Errno::Invalid);
  const Process& process = current_process();
  if (!current_credentials().has(Capability::LockMemory) && !process.limit(Limits::LockedMemory)) return fail(Errno::Perm);
  constexpr uint32_t Current = 1, Future = 2;
  TRY(space().set_all_locked(flags & Current, flags & Future));
  return 0;
}

Result sys_munlockall() {
  TRY(space().set_all_locked(false, false));
  return 0;
}

}  // namespace pl
