// SPDX-License-Identifier: BSD-2-Clause
#include "memory/user.h"

#include <cstring>

#include "arch/context.h"
#include "arch/user_copy.h"
#include "base/lock.h"
#include "memory/address_space_implementation.h"

namespace pl {
namespace {

// A copy stopped at `address`: makes the page present for it, in thread context.
ErrorOr<void> resolve(uint64_t address, FaultAccess access) {
  AddressSpace* space = this_context().address_space;
  if (!space) return fail(Errno::Fault);
  auto fault = space->handle_fault(UserAddress(address), access);
  if (!fault) return fail(fault.error() == Errno::NoMemory ? Errno::NoMemory : Errno::Fault);
  if (fault->signal) return fail(Errno::Fault);
  return {};
}

// Where a copy stopped with `left` bytes to go. It moves blocks of 64 bytes and counts whole ones, so that the page it missed may be the
// one behind.
ErrorOr<void> resolve_block(uint64_t address, size_t left, FaultAccess access) {
  constexpr size_t Block = 64;
  TRY(resolve(address, access));
  uint64_t last = address + (left < Block ? left : Block) - 1;
  if (last / PageSize != address / PageSize) TRY(resolve(last, access));
  return {};
}

bool in_user_space(UserAddress address, size_t bytes) {
  return address.value < PL_USER_END && bytes <= PL_USER_END - address.value;
}

void* user_pointer(uint64_t address) { return reinterpret_cast<void*>(address); }
const char* user_text(uint64_t address) { return reinterpret_cast<const char*>(address); }

}  // namespace

ErrorOr<void> copy_from_user(void* to, UserAddress from, size_t bytes) {
  must_hold_no_lock("copy_from_user");
  if (!in_user_space(from, bytes)) return fail(Errno::Fault);
  for (size_t done = 0;;) {
    done = bytes - user_copy(static_cast<std::byte*>(to) + done, user_pointer(from.value + done), bytes - done);
    if (done == bytes) return {};
    TRY(resolve_block(from.value + done, bytes - done, FaultAccess::Read));
  }
}

ErrorOr<void> copy_to_user(UserAddress to, const void* from, size_t bytes) {
  must_hold_no_lock("copy_to_user");
  if (!in_user_space(to, bytes)) return fail(Errno::Fault);
  for (size_t done = 0;;) {
    done = bytes - user_copy(user_pointer(to.value + done), static_cast<const std::byte*>(from) + done, bytes - done);
    if (done == bytes) return {};
    TRY(resolve_block(to.value + done, bytes - done, FaultAccess::Write));
  }
}

ErrorOr<void> populate_user(UserAddress at, size_t bytes) {
  must_hold_no_lock("populate_user");
  if (!in_user_space(at, bytes)) return fail(Errno::Fault);
  for (UserAddress page = at.page(); page.value < at.value + bytes; page = page + PageSize) TRY(resolve(page.value, FaultAccess::Write));
  return {};
}

ErrorOr<void> zero_user(UserAddress to, size_t bytes) {
  must_hold_no_lock("zero_user");
  if (!in_user_space(to, bytes)) return fail(Errno::Fault);
  for (size_t done = 0;;) {
    done = bytes - user_zero(user_pointer(to.value + done), bytes - done);
    if (done == bytes) return {};
    TRY(resolve(to.value + done, FaultAccess::Write));
  }
}

ErrorOr<size_t> copy_string_from_user(char* to, UserAddress from, size_t capacity) {
  must_hold_no_lock("copy_string_from_user");
  for (size_t done = 0;;) {
    size_t allowed = from.value + done < PL_USER_END ? PL_USER_END - (from.value + done) : 0;
    size_t wanted = capacity - done < allowed ? capacity - done : allowed;
    if (capacity == done) return fail(Errno::NameTooLong);
    if (wanted == 0) return fail(Errno::Fault);
    size_t copied = wanted - user_copy_string(to + done, user_text(from.value + done), wanted);
    done += copied;
    if (copied && to[done - 1] == 0) return done - 1;
    if (copied < wanted) TRY(resolve(from.value + done, FaultAccess::Read));
  }
}

ErrorOr<uint32_t> load_user_atomic(UserAddress from) {
  if (!in_user_space(from, 4) || from.value % 4) return fail(Errno::Fault);
  AtomicResult result = user_load(user_pointer(from.value));
  if (result.failed) return fail(Errno::Fault);
  return uint32_t(result.value);
}

ErrorOr<uint32_t> compare_exchange_user(UserAddress at, uint32_t expected, uint32_t desired) {
  if (!in_user_space(at, 4) || at.value % 4) return fail(Errno::Fault);
  AtomicResult result = user_compare_exchange(user_pointer(at.value), expected, desired);
  if (result.failed) return fail(Errno::Fault);
  return uint32_t(result.value);
}

}  // namespace pl
