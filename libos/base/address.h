// SPDX-License-Identifier: BSD-2-Clause
// Addresses of different spaces do not convert into one another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace pl {

constexpr size_t PageSize = 4096;
constexpr unsigned PageShift = 12;

template <class Space>
struct Address {
  uint64_t value = 0;

  constexpr Address() = default;
  constexpr explicit Address(uint64_t v) : value(v) {}
  constexpr auto operator<=>(const Address&) const = default;
  constexpr Address operator+(uint64_t n) const { return Address(value + n); }
  constexpr Address operator-(uint64_t n) const { return Address(value - n); }
  constexpr int64_t operator-(Address o) const { return int64_t(value - o.value); }
  constexpr Address& operator+=(uint64_t n) { value += n; return *this; }
  constexpr uint64_t page_offset() const { return value & (PageSize - 1); }
  constexpr Address page() const { return Address(value & ~uint64_t(PageSize - 1)); }
  constexpr uint64_t page_number() const { return value >> PageShift; }
  constexpr explicit operator bool() const { return value != 0; }
};

using PhysicalAddress = Address<struct PhysicalSpace>;
using UserAddress = Address<struct UserSpace>;      // a program's virtual address: may be anything, is never dereferenced
using KernelAddress = Address<struct KernelSpace>;  // a virtual address of the libOS

constexpr uint64_t round_up(uint64_t n, uint64_t unit) { return (n + unit - 1) / unit * unit; }
constexpr uint64_t pages_for(uint64_t bytes) { return round_up(bytes, PageSize) / PageSize; }

}  // namespace pl
