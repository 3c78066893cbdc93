// SPDX-License-Identifier: BSD-2-Clause
// A value that the host chose, already copied into our memory. It does not convert: it must be validated to become plain.
#pragma once

#include <type_traits>

#include "base/error.h"

namespace pl {

template <class T>
class HostValue {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  constexpr HostValue() = default;
  constexpr explicit HostValue(T value) : value_(value) {}

  // Plain, if it is at most `limit`; EIO otherwise.
  constexpr ErrorOr<T> at_most(T limit) const
    requires std::is_unsigned_v<T>
  {
    if (value_ > limit) return fail(Errno::Io);
    return value_;
  }
  // Plain, if it has no bit outside `mask`.
  constexpr ErrorOr<T> within_bits(T mask) const
    requires std::is_unsigned_v<T>
  {
    if (value_ & ~mask) return fail(Errno::Io);
    return value_;
  }
  constexpr ErrorOr<T> exactly(T expected) const {
    if (value_ != expected) return fail(Errno::Io);
    return value_;
  }
  // Plain, if `valid(value)`.
  template <class Valid>
  constexpr ErrorOr<T> validate(Valid valid) const {
    if (!valid(value_)) return fail(Errno::Io);
    return value_;
  }
  // Every value is acceptable here, and whatever uses it says why.
  constexpr T any() const { return value_; }

 private:
  T value_{};
};

}  // namespace pl
