// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include "arch/layout.h"
#include "memory/address_space.h"
#include "memory/page_table.h"
#include "memory/vma_tree.h"

namespace pl {

// Where mappings may lie: not the first 64 KiB (vm.mmap_min_addr), and a page short of the end, as on Linux.
constexpr uint64_t LowestUserAddress = 65536;
constexpr uint64_t HighestUserAddress = PL_USER_END - PageSize;

class AddressSpaceImplementation final : public AddressSpace {
 public:
  explicit AddressSpaceImplementation(PhysicalAddress root) : root_(root) {}
  ~AddressSpaceImplementation() override;

  ErrorOr<Ref<AddressSpace>> clone() override;
  void activate() override;
  ErrorOr<UserAddress> map(const MappingRequest& request) override;
  ErrorOr<void> unmap(UserAddress address, size_t bytes) override;
  ErrorOr<void> protect(UserAddress address, size_t bytes, uint32_t protection) override;
  ErrorOr<UserAddress> remap(UserAddress old_address, size_t old_bytes, size_t new_bytes, uint32_t flags, UserAddress new_address) override;
  ErrorOr<void> advise(UserAddress address, size_t bytes, int advice) override;
  ErrorOr<void> set_locked(UserAddress address, size_t bytes, bool locked) override;
  ErrorOr<void> set_all_locked(bool now, bool later) override;
  ErrorOr<void> synchronize(UserAddress address, size_t bytes, int flags) override;
  ErrorOr<void> resident(UserAddress address, size_t bytes, UserAddress vector) override;
  UserAddress set_break(UserAddress address) override;
  void initialize_break(UserAddress start, uint64_t data_bytes) override {
    break_start_ = break_ = start.value;
    program_data_ = data_bytes;
  }
  void set_mmap_base(UserAddress top) override { mmap_top_ = top.value; }
  ErrorOr<Fault> handle_fault(UserAddress address, FaultAccess access) override;
  ErrorOr<PhysicalAddress> translate(UserAddress address, FaultAccess access) override;
  ErrorOr<Key> futex_key(UserAddress address, Sharing sharing) override;
  void for_each(bool (*visit)(void*, const MappingView&), void* context) override;
  Totals totals() override;
  bool may_write(const Inode& inode) override;
  uint64_t peak_resident() const override { return resident_ > most_resident_ ? resident_ : most_resident_; }
  uint64_t mapped_bytes() const override { return vmas_.mapped_bytes(); }
  uint64_t data_bytes() const override { return vmas_.data_bytes(); }

  // Before a freeze: pages that need no host are mapped, so that forks do not fault for them, and nothing is left writable.
  ErrorOr<void> prepare_freeze();
  // How many pages most runs will write: of the program's small writable mappings, its stack, and the tables over them.
  uint64_t likely_private_pages() const;
  // patch.cpp. Writes whatever the protection, into this address space's own copy of a private page: for what debuggers and the freeze do.
  ErrorOr<void> patch(UserAddress address, const void* from, size_t bytes);
  // Reads whatever the protection, of mappings only: up to `bytes`, short of the first page that is not there; EFAULT if that is the first.
  ErrorOr<size_t> peek(UserAddress address, void* to, size_t bytes);
  // Calls visit(address) for each aligned word of private data that is `value`, from `stack_pointer` on in the mapping that holds it.
  ErrorOr<void> find_word(uint64_t value, uint64_t stack_pointer, void (*visit)(void*, UserAddress), void* context);

  // A fork's own root table, a copy of the template's.
  void adopt_root(PhysicalAddress root) { root_ = root; }
  PhysicalAddress root() const { return root_; }
  // Calls visit(level, address, mapping's name) for each table (2: over 1 GiB, 1: over 2 MiB) and page (0) that is no template's.
  template <class Visit> void for_each_own_page(Visit visit);

 private:
  friend class AddressSpace;
  struct Range { uint64_t start, end; };
  static ErrorOr<Range> checked_range(UserAddress address, size_t bytes);

  // What faults do once they know the page. 
  // patch.cpp: its page, made present if it was not.
  ErrorOr<void> make_present(const Vma& vma, UserAddress address);
  // The error EAGAIN: the mappings changed while the file was asked.
  ErrorOr<Fault> show_file_page(uint64_t address, FaultAccess access);
  ErrorOr<Fault> place_anonymous(const Vma& vma, uint64_t address, FaultAccess access);
  ErrorOr<Fault> break_copy_on_write(const Vma& vma, uint64_t address);
  ErrorOr<Fault> place_file_page(const Vma& vma, uint64_t address, FrameRef frame, FaultAccess access);
  void map_around(const Vma& vma, uint64_t address, uint64_t start, uint64_t end);
  // The mapping that holds the address once it has grown to there; null if none does.
  Vma* grow_down_to(uint64_t address);

  // Lets go of every page in the range; tables that no mapping needs any more too. The mappings themselves are the caller's business.
  ErrorOr<void> clear_range(uint64_t start, uint64_t end);
  bool any_mapping_in(uint64_t start, uint64_t end, uint64_t except_start, uint64_t except_end) const;
  // Calls visit(leaf, address) for each present page; an own table first where `Own`.
  enum class Tables : bool { Look, Own };
  template <class Visit> ErrorOr<void> for_each_leaf(uint64_t start, uint64_t end, Tables tables, Visit visit);
  PhysicalAddress leaf_table(uint64_t address) const;  // null if there is none
  // Where the next last-level table would begin; far away where there is no middle table.
  uint64_t next_table(uint64_t address) const;

  // page_table.cpp. The leaf entry for writing: missing tables are made, and tables that a template or another address space shares are
  // replaced by copies of this one's own.
  ErrorOr<PageTableEntry*> own_leaf(uint64_t address) {
    PageTableEntry entry = table_pointer(root_)[table_index(address, 2)];
    if (entry & pte::Own) [[likely]] {
      entry = table_pointer(pte::frame_of(entry))[table_index(address, 1)];
      if (entry & pte::Own) [[likely]] return table_pointer(pte::frame_of(entry)) + table_index(address, 0);
    }
    return make_own_leaf(address);
  }
  ErrorOr<PageTableEntry*> make_own_leaf(uint64_t address);
  ErrorOr<PageTableEntry*> own_middle(uint64_t address);
  ErrorOr<PageTableEntry*> own_table(PageTableEntry& entry, uint64_t address, uint64_t span);
  // A template's tables are its forks' too.
  void disown_tables();
  // Lets go of the pages of one table, if it is this one's own.
  void drop_leaves(PhysicalAddress table, uint64_t start, uint64_t end);
  void drop_everything();

  // Calls change(mapping) for each in the range, cut at its ends. With the lock.
  template <class Change> ErrorOr<void> change_mappings(Range range, Change change);
  ErrorOr<uint64_t> choose_place(const MappingRequest& request, uint64_t bytes) const;
  // Whether the limits leave room for `bytes` more; `data`: of what RLIMIT_DATA counts (Linux: may_expand_vm).
  bool has_room(uint64_t bytes, bool data) const;
  // Removes one mapping that begins in the range, if there is one left.
  enum class Removal : bool { One, None };
  ErrorOr<void> move_pages(uint64_t from, uint64_t to, uint64_t bytes);
  bool is_mapped(uint64_t start, uint64_t end) const;

  PhysicalAddress root_;
  VmaTree vmas_;
  uint64_t break_start_ = 0, break_ = 0, program_data_ = 0;
  uint64_t mmap_top_ = HighestUserAddress;
  uint64_t resident_ = 0, most_resident_ = 0;  // pages; the most before some went
  bool lock_later_ = false;  // mlockall(MCL_FUTURE)
  uint32_t changes_ = 0;  // of the mappings: a fault that let the lock go looks whether it must begin again
};

// The bits of a leaf that shows a page as `protection` allows; never writable by itself.
constexpr PageTableEntry leaf_permissions(uint32_t protection) {
  PageTableEntry bits = pte::User;
  if (protection & (ProtectionRead | ProtectionWrite)) bits |= pte::Read;
  if (protection & ProtectionExecute) bits |= pte::Execute;
  // No access at all still keeps the page: executable for S-mode only, which never fetches there and cannot load from it.
  return bits == pte::User ? pte::Execute : bits;
}

template <class Visit>
ErrorOr<void> AddressSpaceImplementation::for_each_leaf(uint64_t start, uint64_t end, Tables tables, Visit visit) {
  for (uint64_t chunk = start; chunk < end;) {
    uint64_t next = next_table(chunk);
    uint64_t stop = next < end ? next : end;
    PhysicalAddress table = leaf_table(chunk);
    if (table) {
      PageTableEntry* leaf = table_pointer(table) + table_index(chunk, 0);
      for (uint64_t address = chunk; address < stop; address += PageSize, leaf++) {
        if (!pte::valid(*leaf)) continue;
        if (tables == Tables::Own && !owns_table(table)) {
          leaf = TRY(own_leaf(address));
          table = leaf_table(address);
          if (!pte::valid(*leaf)) continue;  // belonged to a mapping that this address space does not have
        }
        visit(*leaf, address);
      }
    }
    chunk = stop;
  }
  return {};
}

template <class Change>
ErrorOr<void> AddressSpaceImplementation::change_mappings(Range range, Change change) {
  TRY(vmas_.split(range.start));
  TRY(vmas_.split(range.end));
  for (Vma& vma : vmas_.within(range.start, range.end)) change(vma);
  changes_++;
  return {};
}

template <class Visit>
void AddressSpaceImplementation::for_each_own_page(Visit visit) {
  for (unsigned i = 0; i < TableEntries / 2; i++) {
    PageTableEntry entry = table_pointer(root_)[i];
    if (!pte::valid(entry) || frame_is_frozen(pte::frame_of(entry))) continue;
    visit(2u, i * MiddleTableSpan, nullptr);
    const PageTableEntry* middle = table_pointer(pte::frame_of(entry));
    for (unsigned j = 0; j < TableEntries; j++)
      if (pte::valid(middle[j]) && !frame_is_frozen(pte::frame_of(middle[j]))) visit(1u, i * MiddleTableSpan + j * LeafTableSpan, nullptr);
  }
  for (const Vma& vma : vmas_)
    (void)for_each_leaf(vma.start, vma.end, Tables::Look, [&](PageTableEntry leaf, uint64_t address) {
      if (!frame_is_frozen(pte::frame_of(leaf))) visit(0u, address, vma.name);
    });
}

}  // namespace pl
