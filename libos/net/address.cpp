// SPDX-License-Identifier: BSD-2-Clause
#include "net/address.h"

#include <algorithm>
#include <cstring>

namespace pl {

namespace {

constexpr size_t UnixHeader = 2, InetSize = 16, Inet6Size = 28, Inet6Least = 24, NetlinkSize = 12;

uint16_t big_endian(const std::byte* at) { return uint16_t(uint16_t(at[0]) << 8 | uint16_t(at[1])); }

}  // namespace

bool InetAddress::is_v4() const {
  for (int i = 0; i < 10; i++)
    if (bytes[i]) return false;
  return bytes[10] == 0xff && bytes[11] == 0xff;
}

bool InetAddress::is_any() const { return is_v4() ? v4() == 0 : *this == any_v6(port); }
bool InetAddress::is_loopback() const { return is_v4() ? bytes[12] == 127 : *this == loopback_v6(port); }

InetAddress InetAddress::v4(uint32_t address, uint16_t port) {
  InetAddress a;
  a.bytes[10] = a.bytes[11] = 0xff;
  for (int i = 0; i < 4; i++) a.bytes[12 + i] = uint8_t(address >> (24 - 8 * i));
  a.port = port;
  return a;
}

InetAddress InetAddress::loopback_v6(uint16_t port) {
  InetAddress a = any_v6(port);
  a.bytes[15] = 1;
  return a;
}

ErrorOr<SocketAddress> SocketAddress::read(UserAddress from, uint32_t bytes) {
  std::byte raw[Capacity] = {};
  if (bytes > sizeof raw || int32_t(bytes) < 0) return fail(Errno::Invalid);
  TRY(copy_from_user(raw, from, bytes));
  SocketAddress a;
  if (bytes < UnixHeader) return fail(Errno::Invalid);
  uint16_t number;
  std::memcpy(&number, raw, sizeof number);
  a.family = number;
  switch (number) {
    case family::Unix: {
      size_t n = bytes - UnixHeader;
      if (n > UnixName::Capacity) return fail(Errno::Invalid);
      std::memcpy(a.name.text, raw + UnixHeader, n);
      // A path ends at its NUL; an abstract name has all the bytes that were given (unix(7)).
      a.name.length = uint8_t(n && a.name.text[0] ? strnlen(a.name.text, n) : n);
      break;
    }
    case family::Inet: {
      if (bytes < InetSize) return fail(Errno::Invalid);
      uint32_t host = 0;
      for (int i = 0; i < 4; i++) host = host << 8 | uint8_t(raw[4 + i]);
      a.inet = InetAddress::v4(host, big_endian(raw + 2));
      break;
    }
    case family::Inet6:
      if (bytes < Inet6Least) return fail(Errno::Invalid);
      std::memcpy(a.inet.bytes.data(), raw + 8, 16);
      a.inet.port = big_endian(raw + 2);
      break;
    default: break;
  }
  return a;
}

uint32_t SocketAddress::encode(std::byte* out) const {
  std::memset(out, 0, Capacity);
  uint16_t number = uint16_t(family);
  std::memcpy(out, &number, sizeof number);
  switch (family) {
    case family::Unix: {
      std::memcpy(out + UnixHeader, name.text, name.length);
      // A path's length counts its NUL.
      return uint32_t(UnixHeader + name.length + (name.length && !name.abstract() ? 1 : 0));
    }
    case family::Inet:
    case family::Inet6:
      out[2] = std::byte(inet.port >> 8);
      out[3] = std::byte(inet.port);
      if (family == family::Inet6) {
        std::memcpy(out + 8, inet.bytes.data(), 16);
        return Inet6Size;
      }
      std::memcpy(out + 4, inet.bytes.data() + 12, 4);
      return InetSize;
    case family::Netlink:
      std::memcpy(out + 4, &port_id, sizeof port_id);
      return NetlinkSize;
    default: return UnixHeader;
  }
}

ErrorOr<void> SocketAddress::write(UserAddress to, UserAddress length) const {
  std::byte raw[Capacity];
  int32_t room = TRY(UserIn<int32_t>{length}.read());
  if (room < 0) return fail(Errno::Invalid);
  uint32_t n = encode(raw);
  TRY(copy_to_user(to, raw, std::min(uint32_t(room), n)));
  return UserOut<uint32_t>{length}.write(n);
}

}  // namespace pl
