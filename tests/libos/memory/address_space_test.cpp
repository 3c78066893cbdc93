// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "arch/context.h"
#include "machine.h"
#include "memory/address_space_implementation.h"
#include "memory/frame_allocator.h"
#include "memory/user.h"

using namespace pl;

namespace {

constexpr uint64_t At = 0x10000000;
constexpr int Segv = 11, Bus = 7;

Ref<AddressSpace> fresh(uint64_t reserve = 16 << 20) {
  machine::start_cold(reserve);
  auto space = AddressSpace::create();
  cr_assert(space.has_value());
  (*space)->activate();
  return *space;
}

MappingRequest anonymous(uint64_t address, uint64_t pages, uint32_t protection = 3) {
  MappingRequest r;
  r.address = UserAddress(address);
  r.bytes = pages * PageSize;
  r.protection = protection;
  r.placement = Placement::Fixed;
  return r;
}

// A file of two pages at At.
Ref<machine::MemoryFile> map_file(AddressSpace& space, uint64_t pages = 2, Sharing sharing = Sharing::Private) {
  auto file = *make<machine::MemoryFile>(2);
  MappingRequest r = anonymous(At, pages);
  r.inode = file;
  r.sharing = sharing;
  cr_assert(space.map(r).has_value());
  return file;
}

uint8_t at(uint64_t address) {
  uint8_t value = 0xee;
  cr_assert_eq(machine::read_byte(address, value), 0);
  return value;
}
void put(uint64_t address, uint8_t value) { cr_assert_eq(machine::write_byte(address, value), 0); }

}  // namespace

Test(address_space, untouched_memory_reads_as_zero_and_costs_no_page) {
  auto space = fresh();
  cr_assert(space->map(anonymous(At, 16)).has_value());
  (void)at(At);
  uint64_t used = machine::frames_in_use();
  for (int i = 0; i < 16; i++) cr_assert_eq(at(At + i * PageSize), 0);
  cr_assert_eq(machine::frames_in_use(), used);
  put(At + 5, 7);
  cr_assert_eq(machine::frames_in_use(), used + 1);
  cr_assert_eq(at(At + 5), 7);
}

Test(address_space, an_access_outside_a_mapping_or_against_its_protection_is_a_signal_with_the_right_code) {
  auto space = fresh();
  cr_assert(space->map(anonymous(At, 1, ProtectionRead)).has_value());
  cr_assert_eq(machine::write_byte(At, 1), Segv);
  auto fault = space->handle_fault(UserAddress(At), FaultAccess::Write);
  cr_assert(fault.has_value());
  cr_assert_eq(fault->code, 2);
  fault = space->handle_fault(UserAddress(At + PageSize), FaultAccess::Read);
  cr_assert_eq(fault->code, 1);
  fault = space->handle_fault(UserAddress(PL_FRAME_WINDOW), FaultAccess::Read);
  cr_assert_eq(fault->signal, Segv);
}

Test(address_space, a_file_page_behind_the_end_is_a_bus_error) {
  auto space = fresh();
  map_file(*space, 4);
  cr_assert_eq(at(At), 'a');
  cr_assert_eq(at(At + PageSize), 'b');
  uint8_t value;
  cr_assert_eq(machine::read_byte(At + 2 * PageSize, value), Bus);
}

Test(address_space, a_private_file_mapping_is_copied_when_written_and_the_file_is_not) {
  auto space = fresh();
  auto file = map_file(*space);
  put(At, 'X');
  cr_assert_eq(at(At), 'X');
  cr_assert_eq(at(At + 1), 'a');
  cr_assert_eq(char(file->frames[0].data()[0]), 'a');
}

Test(address_space, a_shared_file_mapping_writes_the_file) {
  auto space = fresh();
  auto file = map_file(*space, 2, Sharing::Shared);
  put(At + PageSize, 'X');
  cr_assert_eq(char(file->frames[1].data()[0]), 'X');
}

Test(address_space, a_file_is_told_of_the_first_write_through_a_shared_mapping_and_of_none_through_a_private_one) {
  auto space = fresh();
  auto file = map_file(*space);
  put(At, 'X');
  cr_assert_eq(file->writes, 0u);
  file = map_file(*space, 2, Sharing::Shared);
  (void)at(At);
  cr_assert_eq(file->writes, 0u);
  put(At, 'X');
  cr_assert_eq(file->writes, 1u);
}

Test(address_space, locked_memory_cannot_be_invalidated_and_a_child_has_no_locks) {
  constexpr int Invalidate = 2, Sync = 4;
  auto space = fresh();
  auto busy = [](AddressSpace& there, uint64_t page) {
    auto done = there.synchronize(UserAddress(At + page * PageSize), PageSize, Sync | Invalidate);
    return !done && done.error() == Errno::Busy;
  };
  cr_assert(space->map(anonymous(At, 4)).has_value());
  cr_assert(space->set_locked(UserAddress(At + PageSize), PageSize, true).has_value());
  cr_expect(!busy(*space, 0) && busy(*space, 1) && !busy(*space, 2));
  cr_expect(space->synchronize(UserAddress(At), 4 * PageSize, Sync).has_value());
  cr_expect(!busy(**space->clone(), 1));
  cr_expect_eq(space->set_locked(UserAddress(At), 5 * PageSize, true).error(), Errno::NoMemory);
  cr_assert(space->set_locked(UserAddress(At + PageSize), PageSize, false).has_value());
  cr_expect(!busy(*space, 1));
  cr_assert(space->set_all_locked(false, true).has_value());
  cr_assert(space->map(anonymous(At + 8 * PageSize, 1)).has_value());
  cr_expect(!busy(*space, 0) && busy(*space, 8));
  cr_assert(space->set_all_locked(true, false).has_value());
  cr_expect(busy(*space, 0));
  cr_assert(space->set_all_locked(false, false).has_value());
  cr_expect(!busy(*space, 0) && !busy(*space, 8));
}

Test(address_space, there_are_at_most_as_many_mappings_as_on_linux) {
  auto space = fresh(64 << 20);
  size_t made = 0;
  while (space->map(anonymous(At + made * PageSize, 1, made % 2 ? ProtectionRead : ProtectionWrite)).has_value()) made++;
  cr_assert_eq(made, MostMappings);
  cr_assert_eq(space->mapped_bytes(), MostMappings * PageSize);
}

Test(address_space, pages_in_memory_around_a_fault_are_mapped_with_it) {
  auto space = fresh();
  auto file = *make<machine::MemoryFile>(64);
  file->memory = true;
  MappingRequest r = anonymous(At, 64, ProtectionRead);
  r.inode = file;
  cr_assert(space->map(r).has_value());
  (void)at(At + 5 * PageSize);
  cr_assert_eq(file->asked, 16u);
  cr_assert_eq(at(At + 15 * PageSize), 'a' + 15);
  cr_assert_eq(file->asked, 16u);
}

Test(address_space, after_fork_neither_side_sees_what_the_other_writes) {
  auto parent = fresh();
  cr_assert(parent->map(anonymous(At, 64)).has_value());
  for (int i = 0; i < 64; i++) put(At + i * PageSize, uint8_t(i));
  auto child = parent->clone();
  cr_assert(child.has_value());
  put(At, 100);
  (*child)->activate();
  for (int i = 0; i < 64; i++) cr_assert_eq(at(At + i * PageSize), i);
  put(At + PageSize, 101);
  parent->activate();
  cr_assert_eq(at(At), 100);
  cr_assert_eq(at(At + PageSize), 1);
}

Test(address_space, fork_copies_no_page_and_a_write_copies_one_page_and_its_tables) {
  auto parent = fresh();
  cr_assert(parent->map(anonymous(At, 256)).has_value());
  for (int i = 0; i < 256; i++) put(At + i * PageSize, uint8_t(i));
  uint64_t used = machine::frames_in_use();
  auto child = parent->clone();
  cr_assert(child.has_value());
  cr_assert_leq(machine::frames_in_use(), used + 2);  // root and middle table
  uint64_t shared = machine::frames_in_use();
  (*child)->activate();
  put(At + 7 * PageSize, 1);
  cr_assert_eq(machine::frames_in_use(), shared + 2);  // last-level table and the page
}

// Who has a table for itself writes it in place; a fork ends that, for whichever of the two writes next.
Test(address_space, tables_that_were_ones_own_are_shared_with_each_fork_anew) {
  auto parent = fresh();
  cr_assert(parent->map(anonymous(At, 64)).has_value());
  std::vector<Ref<AddressSpace>> line{parent};
  for (int generation = 0; generation < 4; generation++) {
    for (size_t i = 0; i < line.size(); i++) {
      line[i]->activate();
      for (int page = 0; page < 8; page++) put(At + page * PageSize, uint8_t(16 * generation + i));
      put(At + (8 + generation) * PageSize, uint8_t(100 + i));
    }
    auto child = line.back()->clone();
    cr_assert(child.has_value());
    for (size_t i = 0; i < line.size(); i++) {
      line[i]->activate();
      cr_assert_eq(at(At + 7 * PageSize), 16 * generation + int(i));
      if (i % 2) put(At + 7 * PageSize, uint8_t(200 + i));  // before its child writes, and after
    }
    line.push_back(*child);
    (*child)->activate();
    cr_assert_eq(at(At + 7 * PageSize), 16 * generation + int(line.size()) - 2);
    for (int page = 0; page < 8; page++) put(At + page * PageSize, uint8_t(240 + generation));
  }
  parent->activate();
  cr_assert_eq(at(At), 48);
  line.pop_back();
  line.back()->activate();
  for (int page = 0; page < 64; page++) put(At + page * PageSize, 7);
  parent->activate();
  cr_assert_eq(at(At), 48);
}

Test(address_space, when_the_child_is_gone_everything_it_had_is_free_again) {
  auto parent = fresh();
  cr_assert(parent->map(anonymous(At, 64)).has_value());
  for (int i = 0; i < 64; i++) put(At + i * PageSize, uint8_t(i));
  uint64_t used = machine::frames_in_use();
  for (int round = 0; round < 20; round++) {
    auto child = *parent->clone();
    child->activate();
    for (int i = 0; i < 64; i += 3) put(At + i * PageSize, uint8_t(200 + i));
    parent->activate();
    for (int i = 0; i < 64; i += 5) put(At + i * PageSize, uint8_t(i));
  }
  cr_assert_eq(machine::frames_in_use(), used);
  for (int i = 0; i < 64; i++) cr_assert_eq(at(At + i * PageSize), i);
}

Test(address_space, shared_memory_stays_shared_after_fork) {
  auto parent = fresh();
  MappingRequest r = anonymous(At, 4);
  r.sharing = Sharing::Shared;
  cr_assert(parent->map(r).has_value());
  put(At, 1);
  auto child = *parent->clone();
  child->activate();
  put(At, 2);
  put(At + PageSize, 3);
  parent->activate();
  cr_assert_eq(at(At), 2);
  cr_assert_eq(at(At + PageSize), 3);
}

Test(address_space, a_child_lacks_what_was_not_to_be_forked_and_finds_zeroes_where_it_was_to_be_wiped) {
  auto parent = fresh();
  cr_assert(parent->map(anonymous(At, 4)).has_value());
  for (int i = 0; i < 4; i++) put(At + i * PageSize, 9);
  cr_assert(parent->advise(UserAddress(At), PageSize, 18 /* MADV_WIPEONFORK */).has_value());
  cr_assert(parent->advise(UserAddress(At + PageSize), PageSize, 10 /* MADV_DONTFORK */).has_value());
  auto child = *parent->clone();
  child->activate();
  cr_assert_eq(at(At), 0);
  uint8_t value;
  cr_assert_eq(machine::read_byte(At + PageSize, value), Segv);
  cr_assert_eq(at(At + 2 * PageSize), 9);
  parent->activate();
  cr_assert_eq(at(At), 9);
  cr_assert_eq(at(At + PageSize), 9);
}

Test(address_space, unmapping_everything_gives_every_page_back) {
  auto space = fresh();
  uint64_t used = machine::frames_in_use();
  for (int round = 0; round < 3; round++) {
    cr_assert(space->map(anonymous(At, 600)).has_value());
    for (int i = 0; i < 600; i += 7) put(At + i * PageSize, 1);
    cr_assert(space->unmap(UserAddress(At + 100 * PageSize), 50 * PageSize).has_value());
    uint8_t value;
    cr_assert_eq(machine::read_byte(At + 105 * PageSize, value), Segv);
    cr_assert(space->unmap(UserAddress(At), 600 * PageSize).has_value());
  }
  cr_assert_leq(machine::frames_in_use(), used + 1);  // a middle table stays
}

Test(address_space, protection_can_be_taken_away_and_given_back_without_losing_the_page) {
  auto space = fresh();
  cr_assert(space->map(anonymous(At, 4)).has_value());
  for (int i = 0; i < 4; i++) put(At + i * PageSize, uint8_t(10 + i));
  cr_assert(space->protect(UserAddress(At + PageSize), 2 * PageSize, ProtectionNone).has_value());
  uint8_t value;
  cr_assert_eq(machine::read_byte(At + PageSize, value), Segv);
  cr_assert_eq(at(At), 10);
  cr_assert(space->protect(UserAddress(At), 4 * PageSize, 3).has_value());
  cr_assert_eq(at(At + PageSize), 11);
  put(At + PageSize, 1);
  // One mapping again.
  int count = 0;
  space->for_each([](void* n, const AddressSpace::MappingView&) { return ++*static_cast<int*>(n), true; }, &count);
  cr_assert_eq(count, 1);
}

Test(address_space, what_a_file_was_not_opened_for_cannot_be_added) {
  auto space = fresh();
  MappingRequest r = anonymous(At, 1, ProtectionRead);
  r.max_protection = ProtectionRead;
  cr_assert(space->map(r).has_value());
  auto result = space->protect(UserAddress(At), PageSize, 3);
  cr_assert(!result && result.error() == Errno::Access);
}

Test(address_space, hints_that_are_taken_are_placed_below_the_base_downwards) {
  auto space = fresh();
  space->set_mmap_base(UserAddress(0x20000000));
  MappingRequest r = anonymous(0, 4);
  r.placement = Placement::Hint;
  auto first = space->map(r), second = space->map(r);
  cr_assert(first && second);
  cr_assert_eq(first->value, 0x20000000 - 4 * PageSize);
  cr_assert_eq(second->value, 0x20000000 - 8 * PageSize);
  r.address = *first;
  cr_assert_eq(space->map(r)->value, 0x20000000 - 12 * PageSize);
}

Test(address_space, addresses_that_wrap_or_leave_user_space_are_refused) {
  auto space = fresh();
  cr_assert(!space->map(anonymous(PL_USER_END - PageSize, 2)));
  cr_assert(!space->map(anonymous(~uint64_t(0) - PageSize + 1, 1)));
  cr_assert(!space->map(anonymous(0, 1)));
  cr_assert(!space->unmap(UserAddress(~uint64_t(0) - PageSize + 1), PageSize));
  MappingRequest r = anonymous(At, 1);
  r.bytes = ~uint64_t(0);
  cr_assert(!space->map(r));
  r.bytes = 0;
  cr_assert(!space->map(r));
}

Test(address_space, the_break_grows_shrinks_and_stops_at_a_neighbour) {
  auto space = fresh();
  space->initialize_break(UserAddress(At), 0);
  cr_assert_eq(space->set_break(UserAddress(0)).value, At);
  cr_assert_eq(space->set_break(UserAddress(At + 5000)).value, At + 5000);
  put(At + 4999, 1);
  cr_assert_eq(space->set_break(UserAddress(At + 100)).value, At + 100);
  uint8_t value;
  cr_assert_eq(machine::read_byte(At + PageSize, value), Segv);
  cr_assert(space->map(anonymous(At + 4 * PageSize, 1)).has_value());
  cr_assert_eq(space->set_break(UserAddress(At + 5 * PageSize)).value, At + 100);
}

Test(address_space, remap_moves_pages_with_their_content) {
  auto space = fresh();
  cr_assert(space->map(anonymous(At, 4)).has_value());
  cr_assert(space->map(anonymous(At + 4 * PageSize, 1, ProtectionRead)).has_value());
  put(At, 5);
  put(At + PageSize, 6);
  auto fixed = space->remap(UserAddress(At), 4 * PageSize, 8 * PageSize, 0, {});
  cr_assert(!fixed && fixed.error() == Errno::NoMemory);
  auto moved = space->remap(UserAddress(At), 4 * PageSize, 8 * PageSize, 1, {});
  cr_assert(moved.has_value());
  cr_assert_neq(moved->value, At);
  cr_assert_eq(at(moved->value), 5);
  cr_assert_eq(at(moved->value + PageSize), 6);
  cr_assert_eq(at(moved->value + 7 * PageSize), 0);
  uint8_t value;
  cr_assert_eq(machine::read_byte(At, value), Segv);
}

Test(address_space, a_stack_grows_down_but_keeps_its_distance) {
  auto space = fresh();
  MappingRequest r = anonymous(At + (16 << 20), 4);
  r.grows_down = true;
  cr_assert(space->map(r).has_value());
  put(At + (16 << 20) - 5 * PageSize, 1);
  cr_assert_eq(machine::write_byte(At, 1), Segv);
  cr_assert(space->map(anonymous(At + (15 << 20), 1)).has_value());
  cr_assert_eq(machine::write_byte(At + (15 << 20) + 2 * PageSize, 1), Segv);
}

Test(address_space, a_stack_grows_as_far_as_its_limit_is_now) {
  auto space = fresh();
  MappingRequest r = anonymous(At + (16 << 20), 4);
  r.grows_down = true;
  cr_assert(space->map(r).has_value());
  const uint64_t top = At + (16 << 20) + 4 * PageSize;
  machine::limits.stack = 16 * PageSize;
  put(top - 16 * PageSize, 1);
  cr_assert_eq(machine::write_byte(top - 17 * PageSize, 1), Segv);
  machine::limits.stack = 17 * PageSize;
  put(top - 17 * PageSize, 1);
  machine::limits.stack = 32 * PageSize;
  machine::limits.all = space->mapped_bytes();
  cr_assert_eq(machine::write_byte(top - 18 * PageSize, 1), Segv);
}

Test(address_space, private_memory_that_can_be_written_is_data) {
  auto space = fresh();
  auto data = [&] { return space->data_bytes() / PageSize; };
  cr_assert(space->map(anonymous(At, 8)).has_value());
  cr_assert(space->map(anonymous(At + 16 * PageSize, 4, ProtectionRead)).has_value());
  MappingRequest r = anonymous(At + 32 * PageSize, 4);
  r.sharing = Sharing::Shared;
  cr_assert(space->map(r).has_value());
  r = anonymous(At + (16 << 20), 4);
  r.grows_down = true;
  cr_assert(space->map(r).has_value());
  cr_assert_eq(data(), 8);
  cr_assert(space->unmap(UserAddress(At + 2 * PageSize), 2 * PageSize).has_value());
  cr_assert_eq(data(), 6);
  cr_assert(space->protect(UserAddress(At + 17 * PageSize), 2 * PageSize, ProtectionRead | ProtectionWrite).has_value());
  cr_assert_eq(data(), 8);
  cr_assert(space->protect(UserAddress(At), PageSize, ProtectionRead).has_value());
  cr_assert_eq(data(), 7);
  cr_assert(space->map(anonymous(At + 2 * PageSize, 2)).has_value());  // fills the hole: joined on both sides
  cr_assert_eq(data(), 9);
  cr_assert_eq((*space->clone())->data_bytes(), space->data_bytes());
  cr_assert(space->remap(UserAddress(At + 4 * PageSize), 4 * PageSize, 6 * PageSize, 1, {}).has_value());
  cr_assert_eq(data(), 11);
  cr_assert(space->unmap(UserAddress(LowestUserAddress), HighestUserAddress - LowestUserAddress).has_value());
  cr_assert(data() == 0 && space->mapped_bytes() == 0);
}

Test(address_space, the_most_that_was_there_is_remembered) {
  auto space = fresh();
  auto counted = [&] { return space->totals().resident_pages; };
  cr_assert(space->map(anonymous(At, 600)).has_value());
  for (unsigned i = 0; i < 600; i++) put(At + i * PageSize, 1);
  cr_assert(space->peak_resident() == 600 && counted() == 600);
  cr_assert(space->unmap(UserAddress(At + 10 * PageSize), 590 * PageSize).has_value());
  cr_assert(space->peak_resident() == 600 && counted() == 10);
  cr_assert(space->advise(UserAddress(At), PageSize, 10).has_value());  // MADV_DONTFORK
  auto child = *space->clone();
  cr_assert_eq(child->peak_resident(), 9);
  cr_assert_eq(child->totals().resident_pages, 9);
  cr_assert(space->advise(UserAddress(At), 10 * PageSize, 4).has_value());  // MADV_DONTNEED
  cr_assert(space->map(anonymous(At + 1024 * PageSize, 600)).has_value());
  for (unsigned i = 0; i < 599; i++) put(At + (1024 + i) * PageSize, 1);
  cr_assert(space->peak_resident() == 600);
  put(At, 1), put(At + PageSize, 1);
  cr_assert(space->peak_resident() == 601 && counted() == 601);
}

Test(address_space, data_stops_at_its_limit) {
  auto space = fresh();
  machine::limits.data = machine::limits.most_data = 8 * PageSize;
  auto refused = [](auto result) { return !result && result.error() == Errno::NoMemory; };
  cr_assert(space->map(anonymous(At, 6)).has_value());
  cr_assert(refused(space->map(anonymous(At + 16 * PageSize, 3))));
  cr_assert(space->map(anonymous(At + 16 * PageSize, 3, ProtectionRead)).has_value());
  cr_assert(refused(space->protect(UserAddress(At + 16 * PageSize), 3 * PageSize, ProtectionRead | ProtectionWrite)));
  cr_assert_eq(machine::write_byte(At + 16 * PageSize, 1), Segv);
  cr_assert(space->protect(UserAddress(At + 16 * PageSize), 2 * PageSize, ProtectionRead | ProtectionWrite).has_value());
  cr_assert(refused(space->remap(UserAddress(At), 6 * PageSize, 7 * PageSize, 1, {})));
  MappingRequest again = anonymous(At, 6);
  again.placement = Placement::Fixed;
  cr_assert(space->map(again).has_value());
  space->initialize_break(UserAddress(At + (1 << 20)), PageSize);
  cr_assert_eq(space->set_break(UserAddress(At + (1 << 20) + PageSize)).value, At + (1 << 20));
  machine::limits.data = 0;  // brk() fails, and what may be set is kept to
  machine::limits.most_data = 16 * PageSize;
  cr_assert_eq(space->set_break(UserAddress(At + (1 << 20) + PageSize)).value, At + (1 << 20));
  cr_assert(space->map(anonymous(At + 64 * PageSize, 8)).has_value());
  cr_assert(refused(space->map(anonymous(At + 128 * PageSize, 1))));
}

Test(address_space, copies_make_pages_present_and_a_bad_address_is_efault) {
  auto space = fresh();
  cr_assert(space->map(anonymous(At, 2)).has_value());
  char out[6000], in[6000];
  for (size_t i = 0; i < sizeof out; i++) out[i] = char(i * 7);
  cr_assert(copy_to_user(UserAddress(At + 100), out, sizeof out).has_value());
  cr_assert(copy_from_user(in, UserAddress(At + 100), sizeof in).has_value());
  cr_assert_eq(memcmp(in, out, sizeof in), 0);
  auto bad = copy_to_user(UserAddress(At + 4000), out, sizeof out);
  cr_assert(!bad && bad.error() == Errno::Fault);
  cr_assert(!copy_from_user(in, UserAddress(PL_USER_END - 8), 16));
  cr_assert(!copy_from_user(in, UserAddress(8), ~size_t(0)));
  cr_assert(zero_user(UserAddress(At + 100), 5000).has_value());
  cr_assert_eq(at(At + 100), 0);
  cr_assert_eq(at(At + 5100), uint8_t(out[1100]));
}

Test(address_space, a_string_ends_within_its_capacity_or_is_too_long) {
  auto space = fresh();
  cr_assert(space->map(anonymous(At, 1)).has_value());
  const char text[] = "abcdef";
  cr_assert(copy_to_user(UserAddress(At + PageSize - 7), text, 7).has_value());
  char copy[16];
  auto length = copy_string_from_user(copy, UserAddress(At + PageSize - 7), sizeof copy);
  cr_assert(length && *length == 6);
  cr_assert_str_eq(copy, text);
  auto cut = copy_string_from_user(copy, UserAddress(At + PageSize - 7), 6);
  cr_assert(!cut && cut.error() == Errno::NameTooLong);
  put(At + PageSize - 1, 'x');
  auto beyond = copy_string_from_user(copy, UserAddress(At + PageSize - 7), sizeof copy);
  cr_assert(!beyond && beyond.error() == Errno::Fault);
}

Test(address_space, a_fork_of_a_template_writes_no_frame_of_it) {
  auto space = fresh();
  cr_assert(space->map(anonymous(At, 64)).has_value());
  for (int i = 0; i < 32; i++) put(At + i * PageSize, uint8_t(i));
  cr_assert(static_cast<AddressSpaceImplementation*>(space.get())->prepare_freeze().has_value());
  std::vector<std::byte> before(1 << 20);
  std::memcpy(before.data(), frame_pointer(PhysicalAddress(machine::Base)), before.size());

  machine::become_fork();
  // What early code does: a root of its own.
  auto* implementation = static_cast<AddressSpaceImplementation*>(space.get());
  PhysicalAddress root = *frames::allocate_zeroed();
  std::memcpy(frame_pointer(root), frame_pointer(implementation->root()), PageSize);
  implementation->adopt_root(root);

  for (int i = 0; i < 32; i++) cr_assert_eq(at(At + i * PageSize), i);
  uint64_t used = machine::frames_in_use();
  put(At + 3 * PageSize, 99);
  cr_assert_eq(machine::frames_in_use(), used + 3);  // two tables and the page
  put(At + 40 * PageSize, 98);
  cr_assert_eq(machine::frames_in_use(), used + 4);
  cr_assert_eq(at(At + 3 * PageSize + 1), 0);
  cr_assert_eq(at(At + 4 * PageSize), 4);
  cr_assert(space->unmap(UserAddress(At), 64 * PageSize).has_value());
  cr_assert_eq(memcmp(before.data(), frame_pointer(PhysicalAddress(machine::Base)), before.size()), 0);
}

Test(address_space, running_out_of_memory_is_an_error_and_not_a_loss) {
  auto space = fresh(1 << 20);
  cr_assert(space->map(anonymous(At, 1024)).has_value());
  int error = 0, i = 0;
  for (; i < 1024 && !error; i++) error = machine::write_byte(At + i * PageSize, 1);
  cr_assert_eq(error, -int(Errno::NoMemory));
  cr_assert(space->unmap(UserAddress(At), 1024 * PageSize).has_value());
  cr_assert(space->map(anonymous(At, 16)).has_value());
  put(At, 1);
}
