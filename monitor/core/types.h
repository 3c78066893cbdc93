// SPDX-License-Identifier: BSD-2-Clause
// Units and spaces: physical addresses do not convert to numbers or pointers by accident.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "penglai/sbi.h"

namespace pl {

using u8 = uint8_t;
using u32 = uint32_t;
using u64 = uint64_t;

// A deadline that never comes: 228 years at 10 MHz. Not all ones: some timers compute a distance in nanoseconds, which would wrap
// (QEMU 7.2's stimecmp then fires at once).
inline constexpr u64 kNoTimer = u64{1} << 56;

inline constexpr u64 kPageSize = PL_PAGE_SIZE;
inline constexpr unsigned kPageOrder = 12;

// M-mode runs without translation, so a physical address names memory directly; only this type may say so.
class PhysicalAddress {
 public:
  constexpr PhysicalAddress() = default;
  constexpr explicit PhysicalAddress(u64 value) : value_(value) {}
  static PhysicalAddress of(const void* pointer) { return PhysicalAddress(reinterpret_cast<u64>(pointer)); }

  constexpr u64 value() const { return value_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(value_);
  }
  constexpr bool is_null() const { return value_ == 0; }
  constexpr bool is_aligned(u64 size) const { return (value_ & (size - 1)) == 0; }

  constexpr PhysicalAddress operator+(u64 bytes) const { return PhysicalAddress(value_ + bytes); }
  constexpr u64 operator-(PhysicalAddress other) const { return value_ - other.value_; }
  constexpr bool operator==(const PhysicalAddress&) const = default;
  constexpr bool operator<(const PhysicalAddress& other) const { return value_ < other.value_; }
  constexpr bool operator>=(const PhysicalAddress& other) const { return value_ >= other.value_; }

 private:
  u64 value_ = 0;
};

// A naturally aligned power of two, packed in one word: the base's low bits hold log2 of the size.
class Extent {
 public:
  constexpr Extent() = default;
  constexpr Extent(PhysicalAddress base, unsigned order) : word_(base.value() | order) {}

  constexpr bool is_empty() const { return word_ == 0; }
  constexpr PhysicalAddress base() const { return PhysicalAddress(word_ & ~u64{63}); }
  constexpr unsigned order() const { return word_ & 63; }
  constexpr u64 size() const { return is_empty() ? 0 : u64{1} << order(); }

 private:
  u64 word_ = 0;
};

constexpr bool is_power_of_two(u64 value) { return value != 0 && (value & (value - 1)) == 0; }
constexpr unsigned log2_of(u64 power) { return static_cast<unsigned>(__builtin_ctzll(power)); }
// The smallest power of two that holds `size` bytes (at least 2), as its log2.
constexpr unsigned order_for(u64 size) { return 64 - static_cast<unsigned>(__builtin_clzll(size - 1)); }
constexpr u64 min(u64 a, u64 b) { return a < b ? a : b; }

}  // namespace pl
