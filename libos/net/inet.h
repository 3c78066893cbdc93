// SPDX-License-Identifier: BSD-2-Clause
// TCP and UDP (tcp(7), udp(7)) on the loopback addresses, inside the enclave. There are no packets: a TCP connection is two byte queues with
// the semantics of a socket, a datagram is put into its receiver's queue.
#pragma once

#include "net/socket.h"

namespace pl {

ErrorOr<Ref<Socket>> create_inet_socket(int family, int type, int protocol, uint32_t flags);

class InetSocket final : public Socket {
 public:
  InetSocket(Ref<Endpoint> endpoint, uint32_t flags) : Socket(std::move(endpoint), flags) {}
  ErrorOr<void> bind(const SocketAddress& address) override;
  ErrorOr<void> connect(const SocketAddress& address) override;
  ErrorOr<void> listen(int backlog) override;

 protected:
  ErrorOr<Ref<Socket>> create_accepted(Ref<Endpoint> endpoint, uint32_t flags) override;
  ErrorOr<Ref<Endpoint>> datagram_target(const SocketAddress* to, Message& message) override;

 private:
  // The border to the outside world. Which address of ours is meant, or EADDRNOTAVAIL; and what a connection or a datagram goes to, or
  // ENETUNREACH.
  ErrorOr<InetAddress> check_local(const SocketAddress& address) const;
  ErrorOr<InetAddress> check_target(const SocketAddress& address) const;
  // The address that something to `target` comes from.
  InetAddress source_for(const InetAddress& target) const;
  ErrorOr<void> take_port(const InetAddress& address);
  ErrorOr<void> need_port();
  ErrorOr<void> connect_datagram(const SocketAddress& address);
};

// SIOCGIF*: there is one interface, lo.
ErrorOr<uint64_t> interface_ioctl(uint32_t command, UserAddress argument);

}  // namespace pl
