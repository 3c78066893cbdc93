// SPDX-License-Identifier: BSD-2-Clause
// A socket's name: a path or an abstract name (unix(7)), or an Internet address and a port (ip(7), ipv6(7)).
#pragma once

#include <array>
#include <string_view>

#include "base/error.h"
#include "memory/user.h"
#include "net/abi.h"

namespace pl {

// Both Internet families in one form: IPv4 is ::ffff:a.b.c.d.
struct InetAddress {
  std::array<uint8_t, 16> bytes{};
  uint16_t port = 0;  // host byte order

  bool operator==(const InetAddress&) const = default;
  bool is_v4() const;
  bool is_any() const;       // 0.0.0.0 or ::
  bool is_loopback() const;  // 127.0.0.0/8 or ::1
  bool same_host(const InetAddress& o) const { return bytes == o.bytes; }
  uint32_t v4() const { return uint32_t(bytes[12]) << 24 | uint32_t(bytes[13]) << 16 | uint32_t(bytes[14]) << 8 | bytes[15]; }
  static InetAddress v4(uint32_t address, uint16_t port);
  static InetAddress any_v6(uint16_t port) { return {{}, port}; }
  static InetAddress loopback_v6(uint16_t port);
};
constexpr uint32_t LoopbackV4 = 0x7f000001;

struct UnixName {
  static constexpr size_t Capacity = 108;
  char text[Capacity] = {};
  uint8_t length = 0;  // of what is used of text; 0: unnamed. An abstract name begins with NUL.
  bool abstract() const { return length && !text[0]; }
  std::string_view view() const { return {text, length}; }
};

struct SocketAddress {
  static constexpr size_t Capacity = 128;  // struct sockaddr_storage
  int family = family::Unspecified;
  InetAddress inet;
  UnixName name;
  uint32_t port_id = 0;  // netlink(7)

  // EINVAL for a length that is no address's, ENAMETOOLONG never: a path ends at the length. Families that are not known keep their number.
  static ErrorOr<SocketAddress> read(UserAddress from, uint32_t bytes);
  // As Linux lays it out; returns the length. `out` has Capacity bytes.
  uint32_t encode(std::byte* out) const;
  // For accept, getsockname and their like: `length` is how much room there is, and becomes how long the address is.
  ErrorOr<void> write(UserAddress to, UserAddress length) const;
};

}  // namespace pl
