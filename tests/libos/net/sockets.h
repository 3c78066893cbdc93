// SPDX-License-Identifier: BSD-2-Clause
// What the tests of sockets do with them.
#pragma once

#include <cerrno>
#include <string>

#include "hosted.h"
#include "net/rights.h"
#include "net/socket.h"

namespace hosted {

inline pl::PeerIdentity identity{2, 0, 0};

inline pl::Ref<pl::Socket> socket_of(int family, int type, uint32_t flags = pl::open_flag::NonBlock) {
  return must(pl::create_socket(family, type, 0, flags));
}
inline pl::SocketPair pair_of(int type, uint32_t flags = pl::open_flag::NonBlock) {
  return must(pl::create_socket_pair(pl::family::Unix, type, 0, flags));
}

inline pl::ErrorOr<size_t> put(pl::Socket& s, std::string text, const pl::SocketAddress* to = nullptr, uint32_t flags = 0) {
  pl::Buffer from = buffer(text);
  pl::SendRequest request{.flags = flags, .to = to};
  return s.send(from, request);
}
inline std::string get(pl::Socket& s, size_t bytes, uint32_t flags = 0, pl::Received* received = nullptr) {
  std::string text(bytes, 0);
  pl::Buffer to = buffer(text);
  pl::Received own;
  pl::Received& r = received ? *received : own;
  r.flags = flags;
  auto n = s.receive(to, r);
  if (!received) pl::rights::dispose(r.rights);
  if (!n) return "error " + std::to_string(int(n.error()));
  return text.substr(0, std::min(*n, bytes));
}

inline pl::SocketAddress path(std::string_view text) {
  pl::SocketAddress a;
  a.family = pl::family::Unix;
  a.name.length = uint8_t(text.size());
  std::memcpy(a.name.text, text.data(), text.size());
  return a;
}
inline pl::SocketAddress v4(uint32_t host, uint16_t port) {
  pl::SocketAddress a;
  a.family = pl::family::Inet;
  a.inet = pl::InetAddress::v4(host, port);
  return a;
}
inline pl::SocketAddress v6(pl::InetAddress address) {
  pl::SocketAddress a;
  a.family = pl::family::Inet6;
  a.inet = address;
  return a;
}
inline int option(pl::Socket& s, int level, int name) {
  int value = 0;
  uint32_t length = sizeof value;
  auto got = s.get_option(level, name, pl::UserAddress(uint64_t(&value)), pl::UserAddress(uint64_t(&length)));
  return got ? value : -int(got.error());
}
inline int set(pl::Socket& s, int level, int name, int value) {
  return error_of(s.set_option(level, name, pl::UserAddress(uint64_t(&value)), sizeof value));
}

}  // namespace hosted
