// SPDX-License-Identifier: BSD-2-Clause
// A process's address space: its mappings (VMAs), its page tables, demand paging and copy-on-write.
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "base/ref.h"

namespace pl {

class Inode;  // fs/inode.h
class AddressSpaceImplementation;

enum Protection : uint32_t { ProtectionNone = 0, ProtectionRead = 1, ProtectionWrite = 2, ProtectionExecute = 4 };

enum class Sharing : uint8_t { Private, Shared };
enum class Placement : uint8_t { Hint, Fixed, FixedNoReplace };

struct MappingRequest {
  UserAddress address;  // hint, or the place
  size_t bytes = 0;     // rounded up to pages
  uint32_t protection = 0;
  Sharing sharing = Sharing::Private;
  Placement placement = Placement::Hint;
  Ref<Inode> inode;          // null: anonymous
  uint64_t offset = 0;       // into the inode, page-aligned
  uint32_t max_protection = 7;  // what mprotect may add (a file opened read-only cannot become writable when shared)
  bool grows_down = false;
  bool locked = false;       // as set_locked() says of a mapping
  const char* name = nullptr;  // static: "[heap]", "[stack]", "[vdso]" for /proc
};

// What the current process may have, in bytes (getrlimit(2)). Defined by process/.
struct MemoryLimits {
  uint64_t all, data, most_data, stack;  // RLIMIT_AS, RLIMIT_DATA and the most that it may be set to, RLIMIT_STACK
};
MemoryLimits current_memory_limits();

enum class FaultAccess : uint8_t { Read, Write, Execute };

class AddressSpace : public RefCounted {
 public:
  static ErrorOr<Ref<AddressSpace>> create();
  virtual ~AddressSpace() = default;
  bool dumpable = true;  // prctl(2), PR_SET_DUMPABLE: who may look into it
  // A copy for fork(): shared pages shared, private ones copy-on-write.
  virtual ErrorOr<Ref<AddressSpace>> clone() = 0;
  virtual void activate() = 0;  // satp

  virtual ErrorOr<UserAddress> map(const MappingRequest& request) = 0;
  virtual ErrorOr<void> unmap(UserAddress address, size_t bytes) = 0;
  virtual ErrorOr<void> protect(UserAddress address, size_t bytes, uint32_t protection) = 0;
  virtual ErrorOr<UserAddress> remap(UserAddress old_address, size_t old_bytes, size_t new_bytes, uint32_t flags, UserAddress new_address) = 0;
  virtual ErrorOr<void> advise(UserAddress address, size_t bytes, int advice) = 0;
  // Says that the range is locked in memory, or no more. Whole: everything there is; then `later` is said of everything to come.
  virtual ErrorOr<void> set_locked(UserAddress address, size_t bytes, bool locked) = 0;
  virtual ErrorOr<void> set_all_locked(bool now, bool later) = 0;
  virtual ErrorOr<void> synchronize(UserAddress address, size_t bytes, int flags) = 0;
  virtual ErrorOr<void> resident(UserAddress address, size_t bytes, UserAddress vector) = 0;  // mincore
  // Linux brk(): returns the new or, where that cannot be, the old break.
  virtual UserAddress set_break(UserAddress address) = 0;
  // `data_bytes`: of the program's initialized data, which RLIMIT_DATA counts together with what brk() adds.
  virtual void initialize_break(UserAddress start, uint64_t data_bytes) = 0;
  virtual void set_mmap_base(UserAddress top) = 0;  // hints are placed below, downwards

  // Makes the page present for this access, or says which signal code applies: SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR.
  // May sleep. NoMemory when the instance is out of memory.
  struct Fault { int signal; int code; };  // signal 0: resolved
  virtual ErrorOr<Fault> handle_fault(UserAddress address, FaultAccess access) = 0;

  // Physical place of a present, accessible word, for futex keys and atomics; EFAULT if not present.
  virtual ErrorOr<PhysicalAddress> translate(UserAddress address, FaultAccess access) = 0;

  // Futex key of a word: private mappings: (this, address); shared ones: (inode or frame, offset).
  struct Key { uint64_t object; uint64_t offset; auto operator<=>(const Key&) const = default; };
  virtual ErrorOr<Key> futex_key(UserAddress address, Sharing sharing) = 0;

  // Calls visit for each mapping from the lowest up (for /proc/self/maps); stops when it returns false.
  struct MappingView { UserAddress start, end; uint32_t protection; Sharing sharing; Inode* inode; uint64_t offset; const char* name; };
  virtual void for_each(bool (*visit)(void*, const MappingView&), void* context) = 0;
  struct Totals { size_t mapped_pages, resident_pages; };
  virtual Totals totals() = 0;
  // Whether a shared mapping of it is writable, or mprotect() may make it so.
  virtual bool may_write(const Inode& inode) = 0;
  virtual uint64_t mapped_bytes() const = 0;
  virtual uint64_t peak_resident() const = 0;  // the most pages that were ever there at once
  virtual uint64_t data_bytes() const = 0;  // what RLIMIT_DATA counts
};

}  // namespace pl
